import type { ListedJob, LogChunk, LogPosition, TrainingBackend } from '../backend.js';
import { readLinesByRank } from '../file-lines.js';
import { jobFolder, listJobFolders, ranksOf, readJob, removeJobFolder } from '../job-folder.js';
import { isTrainingKey } from '../key.js';
import { refuseRunning } from '../ownership.js';
import { labelsOf, readLabels } from './container.js';
import { createContainers } from './find.js';
import { createOutputCopies } from './output.js';
import { rankOf, readJobState } from './replicas.js';
import { createStopping } from './stop.js';
import { createSubmission, type Submission } from './submit.js';

/**
 * Trainings as containers of an engine that sees the jobs' folder by the same path. The container's name is the job's key, so that
 * the engine itself lets only one be; a worker killed at any moment finds it again there.
 */
export function createDockerBackend(submission: Submission): TrainingBackend {
  const { engine, jobs, installation } = submission;
  const containers = createContainers(submission);
  const stopping = createStopping({ engine, containers });
  const copyOutput = createOutputCopies();

  async function logs(key: string, since: LogPosition): Promise<LogChunk> {
    const found = await containers.inspectAll(key);
    const { log } = jobFolder(jobs, key);
    // Seen before it was asked for its output: of one that had ended all is there.
    const running = new Set(found.filter(({ State }) => State.Running).map(rankOf));
    await Promise.all(
      found
        .map(rankOf)
        .map((rank) => copyOutput(containers.of(key, rank), log(rank), !running.has(rank))),
    );
    const ranks = await ranksOf(jobs, key);
    const files = ranks.map((rank) => ({ path: log(rank), ended: !running.has(rank) }));
    return readLinesByRank(files, since);
  }

  async function list(): Promise<ListedJob[]> {
    const keys = new Set([...(await listJobFolders(jobs)), ...(await containers.listNames())]);
    const listed = await Promise.all([...keys].filter(isTrainingKey).map(describe));
    return listed.flat();
  }

  /** A folder whose container is gone is a trace, too. */
  async function describe(key: string): Promise<ListedJob[]> {
    const [found, laid] = await Promise.all([containers.inspectAll(key), readJob(jobs, key)]);
    const labels = found[0] ? readLabels(found[0].Config.Labels) : labelsOf(laid);
    if (labels['installation'] !== installation) return [];
    const { model = '', delivery, attempt } = labels;
    const status = readJobState(found);
    return [{ key, model, delivery: Number(delivery), attempt: Number(attempt), labels, status }];
  }

  async function remove(key: string): Promise<void> {
    refuseRunning(key, await stopping.look(key));
    await stopping.removeAll(key);
    await removeJobFolder(jobs, key);
  }

  return {
    name: 'docker',
    submit: createSubmission({ ...submission, containers, stopping }),
    status: stopping.look,
    logs,
    cancel: stopping.cancel,
    list,
    remove,
    root: (key) => jobFolder(jobs, key).root,
  };
}
