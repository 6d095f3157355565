/** Whether a value holds others at most `depth` deep: what is nested deeper exhausts the stack of whoever writes it out. */
export function nestedAtMost(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => nestedAtMost(each, depth - 1));
}
