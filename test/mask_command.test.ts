// finetune --task mask and predict on what it trained: begun from nothing, gone on with to the bit, asked, and refused.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { run } from './harness/inside.ts';

const dir = mkdtempSync(`${tmpdir()}/mask-`);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const text = `${dir}/words.txt`;
writeFileSync(text, 'the ship went out to sea and the sea went on. '.repeat(60));
const sizes = ['--width', '16', '--heads', '2', '--encoder-layers', '1', '--context', '16', '--batch', '2'];
const begin = ['finetune', '--task', 'mask', '--data', text, ...sizes, '--vocab-size', '280', '--seed', '1'];
const often = ['--eval-every', '2', '--save-every', '2', '--sample-every', '0', '--json'];

test('a run that goes on takes out what it would have, and its model fills masks', async () => {
  const [whole, parts] = [`${dir}/whole`, `${dir}/parts`];
  const constant = [...often, '--schedule', 'constant', '--warmup-steps', '0'];
  const first = await run([...begin, ...constant, '--steps', '4', '--out', whole]);
  expect(first.code, first.stderr).toBe(0);
  const half = await run([...begin, ...constant, '--steps', '2', '--out', parts]);
  expect(half.code, half.stderr).toBe(0);
  const again = await run(['finetune', '--resume', parts, '--steps', '4', '--json']);
  expect(again.code, again.stderr).toBe(0);
  expect(again.lines.at(-1)!.parameterHash).toBe(first.lines.at(-1)!.parameterHash);
  const evaluation = first.lines.find(({ event }) => event === 'eval')!;
  expect(evaluation.validationLoss).toBeGreaterThan(0);

  const asked = `${dir}/asked.txt`;
  writeFileSync(asked, 'the [MASK] went out to [MASK]\n');
  const { code, lines, stderr } = await run(['predict', '--model', whole, '--data', asked, '--json']);
  expect(code, stderr).toBe(0);
  const { masks } = lines[0] as unknown as { masks: { id: number; probability: number; token: string }[][] };
  expect(masks.map((guesses) => guesses.length)).toEqual([5, 5]);
  for (const guesses of masks) {
    const shares = guesses.map(({ probability }) => probability);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(shares.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(1.0001);
  }

  const without = `${dir}/without.txt`;
  writeFileSync(without, 'the ship went out\n');
  const refused = await run(['predict', '--model', whole, '--data', without]);
  expect([refused.code, refused.errors[0]]).toEqual([
    2,
    `${without}: line 1: found no [MASK] in "the ship went out", expected one for each token to be guessed. For example: Call me [MASK].`,
  ]);
  const generated = await run(['generate', '--model', whole, '--prompt', 'the']);
  expect(generated.code).toBe(2);
  expect(generated.errors[0]).toContain(
    'found an encoder, which sees both sides of every token, expected a language model.',
  );
});

test.each<[string[], string]>([
  [
    ['--tokenizer', 'gpt2'],
    '--tokenizer: found gpt2, which has no token [MASK], expected one that has. Train one: tokenizer train',
  ],
  [['--heads', '3'], 'model: width 16 is not divisible by 3 heads; use'],
  [['--mask-part', '1.5'], '--mask-part: found 1.5'],
  [['--packing'], '--packing: found beside --task mask, expected it with --task instruct.'],
])('%j is refused', async (words, sentence) => {
  const own = begin.filter((word, i) => !words.includes(word) && !words.includes(begin[i - 1]!));
  const { code, errors } = await run([
    ...own.filter((word, i) => word !== '--vocab-size' && own[i - 1] !== '--vocab-size'),
    ...words,
  ]);
  expect([code, errors[0]?.slice(0, sentence.length)]).toEqual([2, sentence]);
});
