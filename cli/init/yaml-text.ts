import { stringify } from 'yaml';

/** A text as a YAML scalar on one line, quoted where it has to be. */
export function scalar(text: string): string {
  return text.includes('\n') ? JSON.stringify(text) : stringify(text, { lineWidth: 0 }).trim();
}

/** A text within a comment: a line break would end it. */
export function remark(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
