/** A worker that may be killed: submits the job it is given, says so, and waits for ever. */
import type { TrainingJob } from '../../contracts/training.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { createProcessBackend } from '../../training/process/backend.js';

const { jobs, kept, job } = JSON.parse(process.argv[2] ?? '') as {
  jobs: string;
  kept: string;
  job: TrainingJob;
};
const artifacts = createFolderArtifacts(kept);
const backend = createProcessBackend({ jobs, python: 'python3', installation: 'test', artifacts });
await backend.submit(job);
process.stdout.write('submitted\n');
setInterval(() => {}, 60_000);
