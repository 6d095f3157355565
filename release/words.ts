/** Numbers as they stand in the sentences of a judgement. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value !== 0 && Math.abs(value) < 0.1 ? value.toPrecision(1) : value.toFixed(1)} %`;
}

export function count(many: number, word: string): string {
  return `${many} ${word}${many === 1 ? '' : 's'}`;
}

export function milliseconds(micros: number): string {
  return `${Number((micros / 1_000).toPrecision(3))} ms`;
}

export function evidence(found: number, enough: number): string {
  const value = found > 1e6 ? 'over a million' : Number(found.toPrecision(3)).toString();
  return `the evidence is ${value} to 1, ${Number(enough.toPrecision(3))} is enough`;
}
