// What the chapters of the page are made of, without a browser: figures of a lesson, masks in words, picked folders, two answers at once.
import { expect, test } from 'vitest';
import { LINES } from '../demo/page/chapters/lines.ts';
import { pickedFiles, readModel } from '../demo/page/chapters/model_drop.ts';
import { rowText } from '../demo/page/chapters/row_text.ts';
import { referencesOf } from '../demo/page/loss_parts.ts';
import { RunRecord } from '../demo/page/run_record.ts';
import { Store } from '../demo/page/store.ts';
import { CHAPTERS } from '../demo/page/view.ts';
import type { Command, News } from '../demo/protocol.ts';
import { recorded } from '../demo/recorded.ts';
import type { StepEvent } from '../src/train/events.ts';

const step = (n: number, metrics?: Record<string, number>): StepEvent => ({
  event: 'step',
  ...{ step: n, loss: 1, learningRate: 0.1, gradNorm: 1, tokensPerSecond: 10 },
  ...(metrics && { metrics }),
});

test('what a task tells of a step stands beside the steps, also where it came late, and goes back with them', () => {
  const record = new RunRecord(10);
  record.add(step(1));
  record.add(step(2, { accuracy: 0.5 }));
  record.add({ event: 'eval', step: 2, trainLoss: 1, validationLoss: 1, validationMetrics: { accuracy: 0.4 } });
  record.add(step(3, { accuracy: Number.NaN }));
  expect(record.metrics.get('accuracy')).toEqual({
    train: [null, 0.5, null],
    validation: [{ step: 2, value: 0.4 }],
  });
  record.add(step(2, { accuracy: 0.75 }));
  expect(record.metrics.get('accuracy')).toEqual({ train: [null, 0.75], validation: [] });
});

test('a lesson has its own lines in the chart of the losses, and no others', () => {
  const store = new Store();
  const references = [{ label: 'guessing among 6 classes', value: 1.79 }];
  store.take({
    ...{ type: 'ready', settings: recorded.settings, totalSteps: 10, link: '' },
    lesson: { references },
  } as unknown as News);
  store.flush();
  expect(referencesOf(store)).toEqual(references);
});

test('two sides are asked by numbers of their own, and each gets its own tokens', () => {
  const store = new Store();
  const sent: Command[] = [];
  store.connect((command) => sent.push(command));
  const asked = {
    prompt: '',
    messages: [{ role: 'user', content: 'hi' }],
    temperature: 0,
    topK: 0,
    maxNewTokens: 5,
  } as const;
  store.replies.talk('base', 'hi', asked);
  store.replies.talk('tuned', 'hi', asked);
  expect(sent.map((command) => command.type === 'generate' && [command.id, command.side])).toEqual([
    [1, 'base'],
    [2, 'tuned'],
  ]);
  for (const [id, text] of [
    [2, 'b'],
    [1, 'a'],
    [2, 'c'],
  ] as const)
    store.take({ type: 'token', id, text });
  store.take({ type: 'generated', id: 1, text: 'a', cancelled: false, error: null });
  store.flush();
  expect([store.replies.talks.base.value?.text, store.replies.talks.base.value?.done]).toEqual(['a', true]);
  expect([store.replies.talks.tuned.value?.text, store.replies.talks.tuned.value?.done]).toEqual(['bc', false]);
});

test('a row of the mask is said in words', () => {
  const token = (text: string, role: 'prompt' | 'answer' | 'control', trained: boolean) => ({ text, role, trained });
  const tokens = [
    token('a', 'prompt', false),
    token(' b', 'prompt', false),
    token('\n', 'control', false),
    token('c', 'answer', true),
  ];
  expect(rowText({ tokens, padding: 2 })).toBe(
    'prompt "a\u00b7b", not counted; control "\u23ce", not counted; answer "c", counted; padding 2',
  );
});

const file = (path: string, text = 'x') => {
  const made = new File([text], path.split('/').at(-1)!);
  Object.defineProperty(made, 'webkitRelativePath', { value: path.includes('/') ? path : '' });
  return made;
};

test('a picked folder loses its own name and what is hidden in it; several files stay as they are', async () => {
  const picked = pickedFiles([file('tiny/config.json'), file('tiny/step-1/model.safetensors'), file('tiny/.git/x')]);
  expect(picked.name).toBe('tiny');
  const { files } = await readModel(picked);
  expect(files.map(({ path }) => path)).toEqual(['config.json', 'step-1/model.safetensors']);
  expect([...files[0]!.bytes]).toEqual([120]);
  expect(pickedFiles([file('run.zip')]).name).toBe('run');
  expect(pickedFiles([file('a.json'), file('b.json')]).files.map(({ path }) => path)).toEqual(['a.json', 'b.json']);
  expect(() => pickedFiles([file('tiny/.hidden')])).toThrow('expected config.json');
});

test('every chapter explains itself in five lines and leads to the next, and the last to the first', () => {
  CHAPTERS.forEach((name, i) => {
    expect(LINES[name].lines.length).toBe(4);
    expect(LINES[name].follows).toBe(CHAPTERS[(i + 1) % CHAPTERS.length]);
  });
});
