/** Colours, then what steers a terminal, then what turns the direction of writing. */
// oxlint-disable-next-line no-control-regex
const controls = /\x1b\[[\d;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u202a-\u202e\u2066-\u2069]/g;
const pictures = 0x2400;
const pictureOfDelete = '\u2421';

/**
 * A text as it may be shown in a terminal. Trainers, reasons and comments are written by others: what would clear the screen, retitle
 * the window or hide a word is shown as a sign of its own and not obeyed. Colours, tabs and line ends stay.
 */
export function showControls(text: string): string {
  return text.replaceAll(controls, (found) => {
    const code = found.charCodeAt(0);
    if (found.length > 1) return found;
    if (code < 0x20) return String.fromCharCode(pictures + code);
    return code === 0x7f ? pictureOfDelete : '\ufffd';
  });
}
