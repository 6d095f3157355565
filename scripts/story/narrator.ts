import { styleText } from 'node:util';

/** Tells the story on stdout, each line with the seconds since the start; plain where nobody looks at a terminal. */
export interface Narrator {
  chapter: (title: string) => void;
  say: (line: string) => void;
  table: (rows: [string, string][]) => void;
  seconds: () => number;
}

export function createNarrator(startedAt = performance.now()): Narrator {
  const seconds = () => (performance.now() - startedAt) / 1000;
  const stamp = () =>
    styleText('dim', `${seconds().toFixed(1).padStart(6)} s  `, { stream: process.stdout });
  const print = (text: string) => process.stdout.write(`${text}\n`);
  return {
    seconds,
    chapter: (title) =>
      print(`\n${stamp()}${styleText('bold', title, { stream: process.stdout })}`),
    say: (line) => print(`${stamp()}${line}`),
    table: (rows) => {
      const width = Math.max(...rows.map(([name]) => name.length));
      for (const [name, value] of rows) print(`  ${name.padEnd(width)}  ${value}`);
    },
  };
}
