/** `name`, with underscores behind it until no column is called so. DuckDB takes no heed of capital letters, so neither does this. */
export function nameBeside(columns: Iterable<string>, name: string): string {
  const taken = new Set(Array.from(columns, (column) => column.toLowerCase()));
  let free = name;
  while (taken.has(free.toLowerCase())) free += '_';
  return free;
}
