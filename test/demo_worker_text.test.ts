// What samples begin with, for texts that few would give.
import { expect, test } from 'vitest';
import { openOwn, pinnedPrompt } from '../demo/worker/text.ts';

const promptOf = (text: string) => pinnedPrompt(openOwn({ name: 'a.txt', text }));

test('a text of blanks alone has a beginning too: a model writes on from something', () => {
  expect(promptOf(' '.repeat(500))).toBe(' '.repeat(8));
  expect(promptOf('\n'.repeat(500))).toBe('\n'.repeat(8));
});

test('words of a line where there are lines, else the first characters', () => {
  expect(promptOf('The sea was still.\n'.repeat(200))).toBe('The sea');
  expect(promptOf('😀'.repeat(500))).toBe('😀'.repeat(8));
});
