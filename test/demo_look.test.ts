// What the page is told of a run's tokens, attention and lens: of its example, of a typed text, of one that is too long or too short.
import { afterAll, expect, test } from 'vitest';
import { lookAtAttention, MOST_TOKENS } from '../demo/worker/look/attention.ts';
import { lookThroughLens } from '../demo/worker/look/lens.ts';
import { Look, type LookedAt } from '../demo/worker/look/look.ts';
import { lookAtTokens } from '../demo/worker/look/tokens.ts';
import { CharTokenizer, GPT2, gpt2Config, Twin } from '../src/index.ts';

const text = 'the cat sat on the mat\n';
const tokenizer = CharTokenizer.fromText(text);
const model = new GPT2(
  gpt2Config({ vocabSize: tokenizer.vocabSize, blockSize: 160, nEmbd: 8, nLayer: 2, nHead: 2, initializerRange: 0.5 }),
  { seed: 4 },
);
const machine = new Twin();
const kept = new Map<string, { release(): void }>();
afterAll(() => machine.close());

/** No question of these asks for more of a run. */
const run = {
  machine,
  model,
  tokenizer,
  dtype: 'f32',
  context: 160,
  example: 'the cat',
  device: null,
} as unknown as LookedAt;
const look = (stopped = () => false) => new Look(run, 7, kept, stopped);

test('tokens: the losses have the mean that is told, and a guess for each place but the first', async () => {
  const { tokens, loss } = await lookAtTokens(look(), { text: '' });
  expect(tokens.map((token) => token.text).join('')).toBe('the cat');
  const [first, ...others] = tokens;
  expect([first!.loss, first!.guesses]).toEqual([null, []]);
  expect(others.reduce((sum, token) => sum + token.loss!, 0) / others.length).toBeCloseTo(loss, 10);
  for (const { text: came, loss: own, guesses } of others) {
    const probabilities = guesses.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    const found = guesses.find(({ token }) => token === came);
    if (found) expect(found.probability).toBeCloseTo(Math.exp(-own!), 6);
    else expect(Math.exp(-own!)).toBeLessThanOrEqual(probabilities.at(-1)!);
  }
});

test('a text of one token, and one with a character that the run does not know, are refused', async () => {
  await expect(lookAtTokens(look(), { text: 't' })).rejects.toThrow('text: found one token, expected at least 2');
  await expect(lookAtTokens(look(), { text: 'thé' })).rejects.toThrow('é');
});

test('attention: a layer that is not there is the last, each row sums to 1, nothing looks ahead, a long text is cut', async () => {
  const { tokens, of, layers, layer, heads } = await lookAtAttention(look(), { text: text.repeat(7), layer: 9 });
  expect([tokens.length, of, layers, layer, heads.length]).toEqual([MOST_TOKENS, 160, 2, 1, 2]);
  for (const head of heads)
    for (let i = 0; i < MOST_TOKENS; i++) {
      const row = head.subarray(i * MOST_TOKENS, (i + 1) * MOST_TOKENS);
      expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
      expect(row.subarray(i + 1).every((weight) => weight === 0)).toBe(true);
    }
});

test('lens: its last layer guesses what the tokens do, and knows what came', async () => {
  const [{ tokens }, { layers }] = [
    await lookAtTokens(look(), { text: 'sat on' }),
    await lookThroughLens(look(), { text: 'sat on' }),
  ];
  expect(layers.map((cells) => cells.length)).toEqual([6, 6, 6]);
  for (const [at, { guesses, came }] of layers.at(-1)!.entries()) {
    const next = tokens[at + 1];
    if (!next) expect(came).toBe(null);
    else {
      expect(came).toBeCloseTo(Math.exp(-next.loss!), 6);
      expect(guesses.map(({ token }) => token)).toEqual(next.guesses.map(({ token }) => token));
    }
  }
});

test('a question that is dropped stops, and what was made is kept once for all questions', async () => {
  await lookThroughLens(
    look(() => true),
    { text: '' },
  );
  expect([...kept.keys()].sort()).toEqual(['attention', 'lens', 'tokens']);
});
