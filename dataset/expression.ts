import { PerennialError, type ErrorCode } from '../contracts/errors.js';
import { duckMessage, literal, type Duck } from './duckdb.js';
import { findChanging } from './repeatable.js';
import { columnsOf } from './source.js';

export interface NamedExpression {
  /** How people know it: `feature 'hour'`, `data.entity`, `rule 'arrives later than it leaves'`. */
  what: string;
  sql: string;
}

/** What an expression looks like inside a larger statement. The line break ends a trailing comment. */
export function embed(sql: string): string {
  return `(${sql}\n)`;
}

/**
 * Makes sure that each text is one scalar expression over the columns of `relation`, so that it may be embedded, and always gives the same
 * answer. Throws `code` naming the expression: for SQL that does not parse, is more than an expression, changes, or uses what is not there.
 */
export async function checkExpressions(
  duck: Duck,
  relation: string,
  expressions: readonly NamedExpression[],
  code: ErrorCode = 'EXPRESSION_INVALID',
): Promise<void> {
  if (expressions.length === 0) return;
  const names = [...(await columnsOf(duck, relation)).keys()];
  const columns = new Set(names.map((name) => name.toLowerCase()));
  for (const expression of expressions) {
    const complaint =
      (await complaintOfParser(duck, columns, expression.sql)) ??
      (await complaintOfPlanner(duck, relation, expression.sql));
    if (complaint !== null)
      throw new PerennialError(
        code,
        `The SQL of ${expression.what} is '${expression.sql}': ${complaint}`,
      );
  }
}

/** As DuckDB writes it. */
export async function typeOfExpression(duck: Duck, relation: string, sql: string): Promise<string> {
  const [row] = await duck.rows(`DESCRIBE SELECT ${embed(sql)} FROM ${relation}`);
  return String(row?.['column_type']);
}

interface SerializedSql {
  error: boolean;
  error_message?: string;
  statements?: {
    node: {
      type: string;
      select_list: { class: string }[];
      from_table: { type: string };
      where_clause: unknown;
      group_expressions: unknown[];
      having: unknown;
      sample: unknown;
      qualify: unknown;
      modifiers: unknown[];
    };
  }[];
}

/** Parsed alone, an expression is a SELECT of one item without any clause; `1) FROM secrets; --` is not. */
async function complaintOfParser(
  duck: Duck,
  columns: ReadonlySet<string>,
  sql: string,
): Promise<string | null> {
  const [row] = await duck.rows(
    `SELECT json_serialize_sql(${literal(`SELECT ${sql}\n`)}) AS parsed`,
  );
  const parsed = JSON.parse(String(row?.['parsed'])) as SerializedSql;
  if (parsed.error) return `${parsed.error_message ?? 'it cannot be parsed'}.`;
  const [statement, ...others] = parsed.statements ?? [];
  const node = statement?.node;
  const alone =
    others.length === 0 &&
    node?.type === 'SELECT_NODE' &&
    node.select_list.length === 1 &&
    node.select_list[0]?.class !== 'STAR' &&
    node.from_table.type === 'EMPTY' &&
    [node.where_clause, node.having, node.sample, node.qualify].every(
      (clause) => clause === null,
    ) &&
    node.group_expressions.length === 0 &&
    node.modifiers.length === 0;
  if (!alone) return 'it must be one expression, without FROM, WHERE or any other clause.';
  const changing = findChanging(node, columns);
  return changing === undefined
    ? null
    : `it uses ${changing}, whose answer is not always the same; the same rows must be judged alike at any time.`;
}

async function complaintOfPlanner(
  duck: Duck,
  relation: string,
  sql: string,
): Promise<string | null> {
  try {
    // The second item makes an aggregate fail: it would give one value for all rows.
    await duck.plan(`SELECT ${embed(sql)}, COLUMNS(*) FROM ${relation}`);
    return null;
  } catch (error) {
    return duckMessage(error);
  }
}
