import { preparedColumns } from '../contracts/dataset.js';
import { PerennialError } from '../contracts/errors.js';
import type { Feature, ModelSpec } from '../contracts/spec.js';
import { duckMessage, literal, quoteName, type Duck } from './duckdb.js';
import { embed, type NamedExpression } from './expression.js';
import { quarantiningCheck, type RowCheck } from './validation/row-check.js';
import { eventTime } from './source.js';

type Data = ModelSpec['data'];

export interface PreparedFiles {
  train: string;
  holdout: string;
  trainRows: number;
  holdoutRows: number;
}

/** The expressions of a spec with the names people know them by. */
export function specExpressions(data: Data): NamedExpression[] {
  return [
    { what: 'data.entity', sql: data.entity },
    { what: 'data.label', sql: data.label.expression },
    ...data.features.map((feature) => ({
      what: `feature '${feature.name}'`,
      sql: expressionOf(feature),
    })),
  ];
}

/** What a row needs before anything can be learnt from it, whatever the contract says. */
export function specChecks(data: Data, labelType: string): RowCheck[] {
  const written = (what: string) => ({ written: { what, code: 'EXPRESSION_INVALID' as const } });
  const label = embed(data.label.expression);
  return [
    quarantiningCheck({
      name: 'data.timeColumn',
      broken: `${eventTime(data.source.timeColumn)} IS NULL`,
      complaint: `${data.source.timeColumn} is not an event time`,
    }),
    quarantiningCheck({
      name: 'data.entity',
      broken: `${embed(data.entity)} IS NULL`,
      complaint: 'the entity is missing',
      ...written('data.entity'),
    }),
    quarantiningCheck({
      name: 'data.label',
      broken:
        labelType === 'BOOLEAN'
          ? `${label} IS NULL`
          : `coalesce(TRY_CAST(${label} AS DOUBLE) NOT IN (0, 1), true)`,
      complaint: 'the label is neither 0 nor 1',
      ...written('data.label'),
    }),
  ];
}

/**
 * Computes entity, event time, features and label of the clean rows and splits them by time: the newest `holdout` share is kept from the
 * trainer. Rows of one instant stay together. Throws EXPRESSION_INVALID naming the feature that cannot be computed.
 */
export async function prepareRows(
  duck: Duck,
  { data, clean, place, folder }: { data: Data; clean: string; place: string; folder: string },
): Promise<PreparedFiles> {
  const { entity, time, label } = preparedColumns;
  const items = [
    `CAST(${embed(data.entity)} AS VARCHAR) AS ${entity}`,
    `${eventTime(data.source.timeColumn)} AS ${time}`,
    ...data.features.map((feature) => `${preparedFeature(feature)} AS ${quoteName(feature.name)}`),
    `CAST(${embed(data.label.expression)} AS UTINYINT) AS ${label}`,
  ];
  try {
    await duck.run(
      `CREATE TEMP TABLE prepared AS SELECT ${items.join(', ')} FROM ${clean} AS clean ORDER BY ${eventTime(data.source.timeColumn)}, clean.${place}`,
    );
  } catch (error) {
    throw (await blame(duck, data, clean)) ?? error;
  }
  const cutoff = `(SELECT quantile_disc(${time}, ${1 - data.holdout}) FROM prepared)`;
  const files = { train: `${folder}/train.parquet`, holdout: `${folder}/holdout.parquet` };
  const trainRows = await write(duck, files.train, `${time} <= ${cutoff}`);
  const holdoutRows = await write(duck, files.holdout, `${time} > ${cutoff}`);
  if (trainRows === 0 || holdoutRows === 0)
    throw new PerennialError(
      'SOURCE_EMPTY',
      `The ${trainRows + holdoutRows} clean rows cannot be split by time into training rows and a hold-out: they need more than one instant.`,
    );
  return { ...files, trainRows, holdoutRows };
}

async function write(duck: Duck, file: string, condition: string): Promise<number> {
  const [row] = await duck.rows(`SELECT count(*) AS rows FROM prepared WHERE ${condition}`);
  await duck.run(
    `COPY (SELECT * FROM prepared WHERE ${condition}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`,
  );
  return Number(row?.['rows']);
}

function expressionOf(feature: Feature): string {
  return feature.expression ?? quoteName(feature.name);
}

/** Never null: tensors know no null. */
function preparedFeature(feature: Feature): string {
  const value = embed(expressionOf(feature));
  return feature.type === 'number'
    ? `coalesce(CAST(${value} AS FLOAT), 'NaN'::FLOAT)`
    : `coalesce(CAST(${value} AS VARCHAR), '')`;
}

async function blame(duck: Duck, data: Data, clean: string): Promise<PerennialError | null> {
  for (const feature of data.features) {
    try {
      await duck.rows(
        `SELECT count(value) FROM (SELECT ${preparedFeature(feature)} AS value FROM ${clean})`,
      );
    } catch (error) {
      return new PerennialError(
        'EXPRESSION_INVALID',
        `The SQL of feature '${feature.name}' fails on the rows: ${duckMessage(error)}`,
      );
    }
  }
  return null;
}
