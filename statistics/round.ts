/** To 12 significant digits: what is kept and judged again must not hang on the last digit of a machine's logarithm. */
export function roundTo12(value: number): number {
  return Number(value.toPrecision(12));
}
