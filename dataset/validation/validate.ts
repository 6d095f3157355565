import { join } from 'node:path';
import type { DataContract } from '../../contracts/contract.js';
import type { Snapshot, SnapshotManifest, Validation } from '../../contracts/dataset.js';
import { PerennialError } from '../../contracts/errors.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { ModelSpec } from '../../contracts/spec.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { withDuckDb, type Duck, type Progress } from '../duckdb.js';
import { checkExpressions, typeOfExpression } from '../expression.js';
import { prepareRows, specChecks, specExpressions } from '../prepare.js';
import { inWorkFolder } from '../work-folder.js';
import { cleanRows, collectBadRows } from './bad-rows.js';
import { compileContract, type ContractChecks } from './contract-sql.js';
import {
  columnFinding,
  quarantineFinding,
  rowCountFinding,
  rowFinding,
  type JudgedFinding,
} from './finding.js';
import { freshnessFindings } from './freshness.js';
import { judgedRows, openJudgedRows, type JudgedRows } from './judged-rows.js';
import { checkPatterns } from './pattern.js';
import { exampleRows, writeQuarantine, type QuarantineInput } from './quarantine.js';
import type { RowCheck } from './row-check.js';

export interface ValidateSnapshotInput {
  data: ModelSpec['data'];
  contract: DataContract;
  snapshot: Pick<Snapshot, 'window' | 'windowAsked'>;
  manifest: SnapshotManifest;
  artifacts: ArtifactStore;
  workFolder: string;
  now: Date;
  signal?: AbortSignal | undefined;
  onProgress?: Progress | undefined;
}

/**
 * Judges a snapshot by its contract in one scan, puts the bad rows into quarantine and, where the contract holds, prepares the clean ones
 * for training and evaluation. Rows are those of the snapshot and the lines that could not be read. A broken contract is an answer; wrong
 * SQL is an error: EXPRESSION_INVALID for the spec's, CONTRACT_INVALID for the contract's.
 */
export async function validateSnapshot(input: ValidateSnapshotInput): Promise<Validation> {
  const { manifest, artifacts, signal, onProgress } = input;
  const [file] = manifest.files;
  if (!file) throw new PerennialError('SOURCE_EMPTY', 'The snapshot has no file.');
  const snapshotFile = await artifacts.localPath(file.artifact);
  const rejects = manifest.rejects && (await artifacts.localPath(manifest.rejects));
  const reads = rejects ? [snapshotFile, rejects] : [snapshotFile];
  return inWorkFolder(input.workFolder, (folder) =>
    withDuckDb({ reads, workFolder: folder, signal, onProgress }, async (duck) => {
      const columns = new Map(manifest.columns.map(({ name, type }) => [name, type]));
      const judged = await openJudgedRows(duck, snapshotFile, columns);
      const asked = compileContract(input.contract, columns);
      if (asked.columns.length > 0) return withoutColumns(asked, manifest);
      const checks = await checkedChecks(duck, input, asked);

      const { questions, counts, bad } = await collectBadRows(duck, judged, checks);
      const rows = manifest.rows + manifest.rejected;
      const inQuarantine = bad + manifest.rejected;
      const findings = [
        ...checks.map((check) => rowFinding(check, counts.get(check) ?? 0, rows)),
        ...asked.rowCount.map((rule) => rowCountFinding(rule, rows)),
        ...(await freshness(duck, input, columns)),
        quarantineFinding(input.contract, inQuarantine, rows),
      ];

      const verdict = findings.some(breaks) ? 'fail' : 'pass';
      return {
        verdict,
        checks: findings.map(({ finding }) => finding),
        rows,
        quarantined: inQuarantine,
        ...(inQuarantine > 0
          ? await keepQuarantine(duck, input, { judged, questions, rejects, folder })
          : { quarantine: null, examples: [] }),
        channels: verdict === 'pass' ? await keepChannels(duck, input, judged, folder) : null,
      };
    }),
  );
}

/** A source that lost a column or changed its type: what its rows hold can no longer be asked. */
function withoutColumns(asked: ContractChecks, { rows, rejected }: SnapshotManifest): Validation {
  return {
    verdict: 'fail',
    checks: asked.columns.map((column) => columnFinding(column, rows + rejected).finding),
    rows: rows + rejected,
    quarantined: 0,
    quarantine: null,
    examples: [],
    channels: null,
  };
}

/** The spec's own checks and the contract's, once every SQL that a person wrote is known to be a harmless expression. */
async function checkedChecks(
  duck: Duck,
  { data, contract }: ValidateSnapshotInput,
  asked: ContractChecks,
): Promise<RowCheck[]> {
  await checkExpressions(duck, judgedRows, specExpressions(data));
  const rules = [
    ...(contract.schema[0]?.quality ?? []),
    ...properties(contract).flatMap((each) => each.quality),
  ];
  const written = rules.flatMap((rule) =>
    'query' in rule
      ? [{ what: `the contract's rule '${rule.name ?? 'sql'}'`, sql: rule.query }]
      : [],
  );
  await checkExpressions(duck, judgedRows, written, 'CONTRACT_INVALID');
  await checkPatterns(duck, contract);
  const labelType = await typeOfExpression(duck, judgedRows, data.label.expression);
  return [...specChecks(data, labelType), ...asked.rows];
}

function properties(contract: DataContract): DataContract['schema'][number]['properties'] {
  return contract.schema[0]?.properties ?? [];
}

async function freshness(
  duck: Duck,
  { contract, data, manifest, snapshot, now }: ValidateSnapshotInput,
  columns: ReadonlyMap<string, string>,
): Promise<JudgedFinding[]> {
  return freshnessFindings(duck, {
    contract,
    timeColumn: data.source.timeColumn,
    columns,
    rows: manifest.rows,
    windowEnd: new Date(snapshot.window.to),
    windowAsked: snapshot.windowAsked ?? false,
    now,
  });
}

function breaks({ finding, severity }: JudgedFinding): boolean {
  return severity === 'error' && finding.verdict === 'fail';
}

async function keepQuarantine(
  duck: Duck,
  { artifacts, contract }: ValidateSnapshotInput,
  { folder, ...bad }: Omit<QuarantineInput, 'target'> & { folder: string },
): Promise<Pick<Validation, 'quarantine' | 'examples'>> {
  const target = join(folder, 'quarantine.parquet');
  const own = await writeQuarantine(duck, { ...bad, target });
  return {
    quarantine: await artifacts.keepFile(target, 'quarantine'),
    examples: await exampleRows(duck, { contract, own }),
  };
}

async function keepChannels(
  duck: Duck,
  { data, artifacts }: ValidateSnapshotInput,
  rows: JudgedRows,
  folder: string,
): Promise<{ train: ArtifactRef; holdout: ArtifactRef; trainRows: number; holdoutRows: number }> {
  const { train, holdout, trainRows, holdoutRows } = await prepareRows(duck, {
    data,
    clean: cleanRows(rows),
    place: rows.place,
    folder,
  });
  return {
    train: await artifacts.keepFile(train, 'train'),
    holdout: await artifacts.keepFile(holdout, 'holdout'),
    trainRows,
    holdoutRows,
  };
}
