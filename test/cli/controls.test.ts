import { expect, test } from 'vitest';
import { showControls } from '../../cli/controls.js';

test('what steers a terminal is shown and not obeyed; colours, tabs and line ends pass', () => {
  expect(showControls('\x1b[2J\x1b]0;title\x07 a\rb\x7f \x9b5A')).toBe(
    '␛[2J␛]0;title␇ a␍b␡ \ufffd5A',
  );
  expect(showControls('approve \u202ereject')).toBe('approve \ufffdreject');
  const harmless = '\x1b[31mred\x1b[0m\tünïcode 学习\nnext';
  expect(showControls(harmless)).toBe(harmless);
});
