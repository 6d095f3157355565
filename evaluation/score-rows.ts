import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import { preparedColumns } from '../contracts/dataset.js';
import { openOnnxModel, type OnnxModel } from './onnx-model.js';
import type { ScoredFeature, ScoredRows, ScoreTask } from './score-protocol.js';

/** DuckDB hands out chunks of 2,048 rows; this many make one batch, so that the call into the model hardly counts. */
const chunksPerBatch = 16;

/** Reads the file once, in its own order, and answers each batch with every model. Blocks its thread: runs in score-worker.ts. */
export async function scoreRows(
  task: ScoreTask,
  onProgress: (rows: number, total: number) => void,
): Promise<ScoredRows> {
  const models: OnnxModel[] = [];
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    for (const model of task.models) {
      models.push(await openOnnxModel({ ...model, threads: task.threads }));
    }
    const { total, kept } = await countRows(connection, task);
    const rows = await connection.stream(selectRows(task, total), { data: task.data });
    const gathered = gatherColumns(task.features, kept);
    const scores = models.map(() => new Float64Array(kept));
    let scored = 0;
    for (;;) {
      const start = scored;
      for (let chunks = 0; chunks < chunksPerBatch; chunks += 1) {
        const chunk = await rows.fetchChunk();
        if (!chunk || chunk.rowCount === 0) break;
        gathered.add(chunk, scored);
        scored += chunk.rowCount;
      }
      if (scored === start) break;
      const batch = gathered.between(start, scored);
      for (const [index, model] of models.entries()) {
        scores[index]?.set(await model.run(batch), start);
      }
      onProgress(scored, kept);
    }
    return { columns: gathered.columns, labels: gathered.labels, scores, total };
  } finally {
    for (const model of models) await model.close();
    connection.closeSync();
    instance.closeSync();
  }
}

async function countRows(
  connection: DuckDBConnection,
  task: ScoreTask,
): Promise<{ total: number; kept: number }> {
  const countOf = async (sql: string): Promise<number> => {
    const reader = await connection.runAndReadAll(sql, { data: task.data });
    return Number(reader.getRows()[0]?.[0] ?? 0);
  };
  const total = await countOf('SELECT count(*) FROM read_parquet($data)');
  if (total <= task.maximumRows) return { total, kept: total };
  return { total, kept: await countOf(`SELECT count(*) FROM ${sampledRows(task, total)}`) };
}

/** Of a file over the limit about `maximumRows` rows are taken, by the hash of their number: the same ones every time. */
function sampledRows({ maximumRows }: ScoreTask, total: number): string {
  if (total <= maximumRows) return 'read_parquet($data)';
  return `read_parquet($data, file_row_number = true) WHERE hash(file_row_number) % ${total} < ${maximumRows}`;
}

function selectRows(task: ScoreTask, total: number): string {
  const columns = task.features.map(({ name, type }) =>
    type === 'number'
      ? `coalesce(${quote(name)}::FLOAT, 'NaN'::FLOAT)`
      : `coalesce(${quote(name)}::VARCHAR, '')`,
  );
  const label = `${quote(preparedColumns.label)}::UTINYINT`;
  return `SELECT ${[...columns, label].join(', ')} FROM ${sampledRows(task, total)}`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function gatherColumns(features: readonly ScoredFeature[], rows: number) {
  const columns: Record<string, Float32Array | string[]> = {};
  for (const { name, type } of features) {
    columns[name] = type === 'number' ? new Float32Array(rows) : [];
  }
  const labels = new Uint8Array(rows);
  return {
    columns,
    labels,
    add(chunk: DuckDBDataChunk, start: number): void {
      features.forEach(({ name }, index) => {
        const column = columns[name];
        const values = chunk.getColumnValues(index);
        if (Array.isArray(column)) column.push(...(values as string[]));
        else column?.set(values as number[], start);
      });
      labels.set(chunk.getColumnValues(features.length) as number[], start);
    },
    between(from: number, to: number): Record<string, Float32Array | string[]> {
      return Object.fromEntries(
        Object.entries(columns).map(([name, column]) => [
          name,
          Array.isArray(column) ? column.slice(from, to) : column.subarray(from, to),
        ]),
      );
    },
  };
}
