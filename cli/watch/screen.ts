import { showControls } from '../controls.js';
import { paint, type Style } from '../output.js';

/** One line as it shall look; cut where the terminal ends, before it is coloured. */
export interface ScreenLine {
  text: string;
  style?: Style;
}

/** A few lines at the end of the terminal that are drawn over again and again, and leave nothing behind. */
export function createScreen(stream: NodeJS.WriteStream = process.stdout) {
  let drawn = 0;

  function clear(): void {
    if (drawn === 0) return;
    const up = drawn > 1 ? `\x1b[${drawn - 1}A` : '';
    stream.write(`${up}\r\x1b[J`);
    drawn = 0;
  }

  function draw(lines: ScreenLine[]): void {
    clear();
    const { columns, rows } = sizeOf(stream);
    // What has scrolled away at the top could not be taken back.
    const shown = lines.slice(0, Math.max(1, rows - 1));
    const painted = shown.map(({ text, style }) => {
      // A line as wide as the terminal would begin a new one.
      const cut = showControls(text.replaceAll(/[\r\n]/g, ' ')).slice(0, Math.max(1, columns - 1));
      return style ? paint(style, cut, stream) : cut;
    });
    stream.write(painted.join('\n'));
    drawn = painted.length;
  }

  return { draw, clear };
}

/** What a terminal tells of its size; a usual one where it tells nothing. */
export function sizeOf(stream: NodeJS.WriteStream = process.stdout): {
  columns: number;
  rows: number;
} {
  return { columns: stream.columns || 80, rows: stream.rows || 24 };
}
