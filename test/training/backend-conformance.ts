import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { describeEnds } from './conformance/ends.js';
import { describeIdentity } from './conformance/identity.js';
import { describeOutput } from './conformance/output.js';
import { describeRefusals } from './conformance/refusals.js';
import { describeReplicas } from './conformance/replicas.js';
import { describeSurroundings } from './conformance/surroundings.js';
import { describeTrouble } from './conformance/trouble.js';
import { createGiven, type BackendUnderTest } from './conformance/given.js';

export type { BackendUnderTest } from './conformance/given.js';
export { readAll, untilExited, untilSaid } from './watching.js';

/**
 * What every training backend promises. `make` gets a folder and the artifacts that the jobs' channels lie in. At the end it prints
 * how many cases there are and which do not apply to this backend, with the reason.
 */
export function describeTrainingBackend(
  name: string,
  make: (folder: string, artifacts: ArtifactStore) => Promise<BackendUnderTest>,
): void {
  describe(`The ${name} training backend`, () => {
    const given = createGiven();
    let cases = 0;
    let broken = 0;

    beforeAll(async () => {
      const folder = await temporaryFolder();
      const artifacts = await temporaryArtifacts();
      given.use({ folder, artifacts, under: await make(folder, artifacts) });
    });
    afterEach(({ task }) => {
      cases += 1;
      if (task.result?.errors?.length) broken += 1;
    });
    afterAll(async () => {
      for (const { key } of await given.backend.list()) await given.backend.cancel(key, 0);
      const { notApplicable } = given;
      const held = cases - broken - notApplicable.length;
      const lines = [
        `${cases} cases, ${held} hold, ${broken} do not, ${notApplicable.length} not applicable`,
        ...notApplicable,
      ];
      console.info(lines.map((line) => `conformance ${name}: ${line}`).join('\n'));
    });

    describeIdentity(given);
    describeEnds(given);
    describeOutput(given);
    describeSurroundings(given);
    describeRefusals(given);
    describeReplicas(given);
    describeTrouble(given);
  });
}
