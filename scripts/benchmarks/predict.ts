import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import type { InferAnswer } from '../../contracts/serving.js';
import { connectDatabase, type Connection } from '../../db/connect.js';
import { migrateDatabase } from '../../db/migrate.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { findFreePort } from '../../runtime/free-port.js';
import { silentLog } from '../../runtime/log.js';
import { startNodePart } from '../../runtime/node-part.js';
import { startPostgres } from '../../runtime/postgres/server.js';
import type { Benchmark } from './benchmark.js';
import { drawFlights, requestOf } from './drawn-flights.js';
import { postBytes, sendRequests } from './http-load.js';
import { runPairs } from './pairs.js';
import { preparePeers, trainerPython } from './peers.js';
import { measureProcesses, processorTime } from './processor-time.js';
import { comparedResult, skippedResult, type BenchResult } from './result.js';
import { model, serveFlights } from './served-flights.js';
import { whileStarted } from './started.js';
import { withTemporaryFolder } from './temporary-folder.js';

const pairs = 5;
const requestsAHalf = 6_000;
const clients = 32;
const bodies = 512;
const largestDifference = 1e-6;
const question = { name: 'predict', peer: null, unit: 'ms of CPU a request', goal: 0.2 };
const here = fileURLToPath(new URL('.', import.meta.url));
const gatewayMain = fileURLToPath(new URL('../../serving/main.ts', import.meta.url));

/** A server under load, with the processes that its answers cost. */
interface Side {
  address: string;
  pids: number[];
  /** Waits until what the answers still cost behind their backs is done. */
  settle: (requests: number) => Promise<void>;
}

export const predict: Benchmark = {
  name: 'predict',
  what: 'a prediction from socket to stored row against FastAPI and onnxruntime, which store nothing',
  run: async () => {
    const peers = await preparePeers();
    if ('skipped' in peers) return skippedResult(question, peers.skipped);
    const peer = ['fastapi', 'uvicorn', 'onnxruntime'].map(peers.version).join(' + ');
    return withTemporaryFolder(async (folder) => {
      const file = join(folder, 'model.onnx');
      const maker = join(here, 'peers/make_model.py');
      await promisify(execFile)(await trainerPython(), [maker, file]);
      return withGateway(folder, file, (ours) =>
        withFastApi(folder, peers.python, file, (theirs) =>
          compare({ ...question, peer }, ours, theirs),
        ),
      );
    });
  },
};

async function compare(
  asked: typeof question | { peer: string },
  ours: Side,
  theirs: Side,
): Promise<BenchResult> {
  const path = `/v2/models/${model}/infer`;
  const flights = drawFlights(bodies, 'asked');
  const requestsTo = ({ address }: Side) =>
    Array.from({ length: bodies }, (_, row) =>
      postBytes(address, path, JSON.stringify(requestOf(flights, row))),
    );
  const sides = [ours, theirs].map((side) => ({ ...side, requests: requestsTo(side) }));
  const [our, their] = sides;
  if (!our || !their) throw new RangeError('Two sides are compared');

  const difference = await compareScores(our, their);
  const spent = async (): Promise<number[]> =>
    Promise.all(ours.pids.map(async (pid) => 1_000 * (await processorTime([pid]))));
  const measure = (side: typeof our) => () =>
    measureProcesses(side.pids, async () => {
      const sent = await sendRequests({ ...side, total: requestsAHalf, clients });
      await side.settle(sent);
      return sent;
    });
  // A cold process of either kind is several times slower than one that has seen a few seconds of work.
  await measure(our)();
  await measure(their)();
  const before = await spent();
  const found = await runPairs(pairs, { ours: measure(our), theirs: measure(their) });
  const each = (await spent()).map(
    (after, part) => (after - (before[part] ?? 0)) / (pairs * requestsAHalf),
  );
  return comparedResult({ ...question, ...asked }, found, {
    largestScoreDifference: difference,
    gatewayMilliseconds: each[0] ?? 0,
    postgresMilliseconds: each[1] ?? 0,
    bodyBytes: JSON.stringify(requestOf(flights, 0)).length,
    clients,
  });
}

/** Asks both sides about every flight. Throws where one answers otherwise than the other. */
async function compareScores(
  ours: Side & { requests: Buffer[] },
  theirs: Side & { requests: Buffer[] },
): Promise<number> {
  const scoresOf = async (side: typeof ours): Promise<number[]> => {
    const scores: number[] = [];
    await sendRequests({
      ...side,
      total: bodies,
      clients: 4,
      onAnswer(request, body) {
        const { outputs } = JSON.parse(body) as Pick<InferAnswer, 'outputs'>;
        scores[request] = Number(outputs[0]?.data[0]);
      },
    });
    await side.settle(bodies);
    return scores;
  };
  const [our, their] = [await scoresOf(ours), await scoresOf(theirs)];
  const difference = Math.max(...our.map((score, row) => Math.abs(score - (their[row] ?? NaN))));
  if (our.length !== bodies || !(difference <= largestDifference))
    throw new Error(`The scores differ from the peer's by ${difference}`);
  return difference;
}

/** A gateway as `perennial up` starts it, on a PostgreSQL of its own with full durability. */
async function withGateway<T>(
  folder: string,
  file: string,
  work: (side: Side) => Promise<T>,
): Promise<T> {
  const postgres = await startPostgres({ folder: join(folder, 'postgres') });
  // Where root's folder is closed to PostgreSQL's account, the data lies elsewhere and is nobody else's to remove.
  const stopPostgres = async (): Promise<void> => {
    await postgres.stop();
    await rm(dirname(postgres.dataFolder), { recursive: true, force: true });
  };
  return whileStarted(stopPostgres, async () => {
    await migrateDatabase(postgres.url);
    const database = connectDatabase({ url: postgres.url, log: silentLog, max: 2 });
    return whileStarted(
      () => database.close(),
      async () => {
        const artifacts = join(folder, 'artifacts');
        await serveFlights(database.db, createFolderArtifacts(artifacts), file);
        const gateway = await startNodePart({
          name: 'gateway',
          file: gatewayMain,
          args: [],
          folder,
          logFile: join(folder, 'gateway.log'),
          environment: {
            ...process.env,
            DATABASE_URL: postgres.url,
            PERENNIAL_HOME: join(folder, 'home'),
            PERENNIAL_ARTIFACTS: artifacts,
            PERENNIAL_GATEWAY_PORT: '0',
            PERENNIAL_METRICS_PORT: '0',
          },
        });
        const { address, pid, stop } = gateway;
        const pids = [pid, postgres.pid];
        return whileStarted(stop, () => work({ address, pids, settle: waitForRows(database.db) }));
      },
    );
  });
}

/** Every answered row has to be in the table before its cost is read: so many more than at the last call. */
function waitForRows(db: Connection['db']): (requests: number) => Promise<void> {
  let expected = 0;
  return async (requests) => {
    expected += requests;
    const giveUpAt = Date.now() + 60_000;
    for (;;) {
      const { rows } = await db.execute(
        sql`SELECT coalesce(sum(sequence), 0)::bigint AS stored, coalesce(sum(dropped), 0)::bigint AS dropped FROM gateway_mark`,
      );
      const [stored, dropped] = [Number(rows[0]?.['stored']), Number(rows[0]?.['dropped'])];
      if (stored === expected && dropped === 0) return;
      if (stored > expected || dropped > 0 || Date.now() > giveUpAt)
        throw new Error(`${expected} rows were answered; ${stored} stored, ${dropped} dropped`);
      await sleep(50);
    }
  };
}

async function withFastApi<T>(
  folder: string,
  python: string,
  file: string,
  work: (side: Side) => Promise<T>,
): Promise<T> {
  const port = await findFreePort('127.0.0.1');
  const options = ['--host', '127.0.0.1', '--port', String(port), '--no-access-log'];
  const swift = ['--loop', 'uvloop', '--http', 'httptools', '--log-level', 'warning'];
  const log = await open(join(folder, 'peer.log'), 'a');
  const child = spawn(python, ['-m', 'uvicorn', 'predict:app', ...options, ...swift], {
    cwd: join(here, 'peers'),
    env: { ...process.env, MODEL: file, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return whileStarted(stop, async () => {
    const address = `http://127.0.0.1:${port}`;
    const giveUpAt = Date.now() + 60_000;
    while (!(await isReady(`${address}/v2/health/ready`))) {
      if (child.exitCode !== null || Date.now() > giveUpAt)
        throw new Error('The FastAPI peer did not start');
      await sleep(100);
    }
    return work({ address, pids: [child.pid ?? 0], settle: () => Promise.resolve() });
  });
}

async function isReady(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
