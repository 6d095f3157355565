import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runTutorial, tutorialBlocks } from '../../scripts/tutorial.js';
import { temporaryFolder } from '../support/artifacts.js';
import { freshDatabase } from '../support/postgres.js';
import { freshNamespace } from '../support/temporal.js';
import { trainerPython } from '../support/trainer.js';

test(
  'the commands of docs/tutorial.md, run from the page, end with a promoted version that answers',
  { timeout: 300_000 },
  async () => {
    const folder = join(await temporaryFolder(), 'tutorial');
    await mkdir(folder);
    const database = await freshDatabase();
    const temporal = await freshNamespace();
    try {
      const { code, output } = await runTutorial({
        ...process.env,
        TUTORIAL: folder,
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: temporal.namespace,
        PERENNIAL_API_PORT: '0',
        PERENNIAL_GATEWAY_PORT: '0',
        PERENNIAL_TRAINER_PYTHON: await trainerPython(),
      });
      expect(code, output).toBe(0);
      expect(output).toContain(`## ${tutorialBlocks().length}`);
      expect(output).toMatch(/^promoted v1: /m);
      const [rainy = 0, sunny = 1] = [...output.matchAll(/^rain v1: (0\.\d+)/gm)].map((match) =>
        Number(match[1]),
      );
      expect(rainy).toBeGreaterThan(0.5);
      expect(sunny).toBeLessThan(0.3);
      expect(output).toMatch(
        /^contract-failed: .*31 of 2,?953 rows .*(went to quarantine|are quarantined)/m,
      );

      const { rows } = await database.pool.query(
        `SELECT version, name FROM alias WHERE model = 'rain'`,
      );
      expect(rows).toEqual([{ version: 1, name: 'champion' }]);
    } finally {
      await temporal.close();
      await database.close();
    }
  },
);
