/** Runs the commands of docs/tutorial.md from the document itself, in order, as one reader's shell: `node runtime/launch.mjs scripts/tutorial.ts`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The blocks marked `sh`, in order. */
export function tutorialBlocks(
  page: string = readFileSync(new URL('../docs/tutorial.md', import.meta.url), 'utf8'),
): string[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
}

export interface TutorialRun {
  code: number | null;
  /** All that the commands said; each block begins with a line `## n`. */
  output: string;
}

/** Runs all blocks in one shell that starts in the checkout and stops at the first command that fails. */
export async function runTutorial(
  environment: NodeJS.ProcessEnv,
  onOutput: (text: string) => void = () => {},
): Promise<TutorialRun> {
  // A stack that outlives a failed command would outlive us too.
  const head = `set -euo pipefail\ntrap 'perennial down > /dev/null 2>&1 || true' EXIT\n`;
  const script =
    head +
    tutorialBlocks()
      .map((block, index) => `echo '## ${index + 1}'\n${block}`)
      .join('\n');
  const shell = spawn('bash', ['-c', script], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      onOutput(chunk.toString());
    });
  const [code] = (await once(shell, 'close')) as [number | null];
  return { code, output };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code } = await runTutorial(process.env, (text) => process.stdout.write(text));
  process.exitCode = code ?? 1;
}
