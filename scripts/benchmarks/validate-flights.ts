/** Our half of `validate`, in a process of its own: judges the snapshot in a folder and prints what it found and what that cost. Imports are not counted. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { validateSnapshot } from '../../dataset/validation/validate.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { readFlightsContract, type FlightsSnapshot } from './flights-snapshot.js';

const [folder = ''] = process.argv.slice(2);
const taken = JSON.parse(await readFile(join(folder, 'snapshot.json'), 'utf8')) as FlightsSnapshot;
const asked = await readFlightsContract();
const before = process.cpuUsage();
const began = performance.now();
const { verdict, rows, quarantined } = await validateSnapshot({
  ...asked,
  ...taken,
  artifacts: createFolderArtifacts(join(folder, 'artifacts')),
  workFolder: join(folder, 'work'),
  now: new Date(),
});
const wall = (performance.now() - began) / 1_000;
const { user, system } = process.cpuUsage(before);
const megabytes = process.resourceUsage().maxRSS / 1_024;
const cpu = (user + system) / 1e6;
process.stdout.write(`${JSON.stringify({ cpu, wall, rows, quarantined, megabytes, verdict })}\n`);
