// The log of a run that comes from outside: what is no event is left out.
import { expect, test } from 'vitest';
import { eventsOf } from '../demo/worker/log_lines.ts';

test('events stay, and lines that are none are left out', () => {
  const step = { event: 'step', step: 3, loss: null, learningRate: 0.01, gradNorm: 1, tokensPerSecond: 9 };
  const sample = { event: 'sample', step: 3, text: 'sea' };
  const foreign = [
    null,
    [],
    7,
    'text',
    { event: 'step' },
    { ...step, step: '3' },
    { ...step, step: -1 },
    { ...step, loss: '<b>' },
    { ...sample, text: 7 },
    { event: 'constructor', step: 1 },
  ];
  const lines = [step, ...foreign, sample].map((value) => JSON.stringify(value)).join('\n');
  expect(eventsOf(new TextEncoder().encode(`${lines}\n{"event":"sam`))).toEqual([step, sample]);
});
