/** What SQL writes without parentheses, as if it were a column. */
const bareWords = words(
  'current_date current_time current_timestamp localtime localtimestamp current_catalog current_schema',
);

/** Functions of DuckDB whose answer is not decided by what they are given. */
export const changingFunctions: ReadonlySet<string> = new Set([
  ...bareWords,
  ...words('random setseed uuid uuidv4 uuidv7 gen_random_uuid'),
  ...words('now today ago get_current_time get_current_timestamp transaction_timestamp'),
  ...words('current_connection_id current_query current_query_id current_transaction_id'),
  ...words('current_database current_schemas in_search_path txid_current'),
  ...words('pg_conf_load_time pg_postmaster_start_time'),
  ...words('currval nextval sleep_ms stats write_log'),
]);

/**
 * What in parsed SQL gives another answer the next time, in words, or undefined: a judgement must come out the same whenever it is made.
 * `parsed` is a syntax tree of `json_serialize_sql`, `columns` the names that the SQL may use, in small letters.
 */
export function findChanging(parsed: unknown, columns: ReadonlySet<string>): string | undefined {
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const changing = changingPart(parsed as Record<string, unknown>, columns);
  if (changing !== undefined) return changing;
  for (const part of Object.values(parsed)) {
    const found = findChanging(part, columns);
    if (found !== undefined) return found;
  }
  return undefined;
}

function changingPart(
  node: Record<string, unknown>,
  columns: ReadonlySet<string>,
): string | undefined {
  if (node['sample'] != null) return 'a sample';
  const called = node['function_name'];
  if (typeof called === 'string') {
    const name = called.toLowerCase();
    // Of one timestamp it is the distance from today.
    const age = name === 'age' && (node['children'] as unknown[]).length === 1;
    return age || changingFunctions.has(name) ? `${name}()` : undefined;
  }
  const [only, ...others] = (node['column_names'] ?? []) as string[];
  const name = only?.toLowerCase();
  if (name === undefined || others.length > 0 || columns.has(name)) return undefined;
  return bareWords.includes(name) ? name : undefined;
}

function words(text: string): string[] {
  return text.split(' ');
}
