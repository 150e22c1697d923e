// training.json: written, read back strictly, and compared before a run goes on.

import { expect, test } from 'vitest';
import {
  compareResume,
  parseTrainingState,
  type Scalar,
  type TrainingState,
  trainingStateJson,
} from '../src/checkpoint/training_state.ts';
import { InputError } from '../src/errors.ts';

const pairs = (values: Record<string, Scalar>) => new Map(Object.entries(values));
const state: TrainingState = {
  step: 430,
  settings: pairs({ steps: 1000, learningRate: 1e-3, optimizer: 'adamw', recompute: false }),
  model: pairs({ vocabSize: 65, nLayer: 2, nInner: null }),
  schedule: pairs({ name: 'cosine', warmupSteps: 100 }),
  random: pairs({ seed: 1337, counter: 430 }),
  cursor: pairs({ position: 27520 }),
  dataHash: 'd1',
  tokenizerHash: 't1',
  kernels: pairs({ matmul: 'portable' }),
  versions: pairs({ shaderformer: '0.1.0', node: '20' }),
  adapter: 'llvmpipe',
  best: { step: 400, validationLoss: 1.9 },
};
const now: TrainingState = {
  ...state,
  step: 0,
  best: null,
  cursor: new Map(),
  random: pairs({ seed: 1337, counter: 0 }),
};

test('the training state is written and read back, to the same text', () => {
  expect(parseTrainingState(trainingStateJson(state), 'training.json')).toEqual(state);
  expect(trainingStateJson(parseTrainingState(trainingStateJson(now), 'training.json'))).toBe(trainingStateJson(now));
  expect(() => trainingStateJson({ ...state, settings: pairs({ x: Number.NaN }) })).toThrow('x is NaN');
});

test.each([
  ['{}', 'format: found nothing, expected 2'],
  [trainingStateJson(state).replace('430', '"430"'), 'step: found text "430", expected a whole number'],
  [trainingStateJson(state).replace('"dataHash": "d1"', '"dataHash": 1'), 'dataHash: found 1, expected text'],
  [trainingStateJson(state).replace('"dataHash": "d1",', ''), 'dataHash: found nothing, expected text'],
  [trainingStateJson(state).replace('"adapter"', '"adaptor"'), 'found key "adaptor", expected only format step best'],
  [trainingStateJson(state).replace('1337', '[]'), 'random.seed: found a list, expected text, an exact number'],
  [trainingStateJson(state).replace('1337', '9007199254740993'), 'random.seed: found 9007199254740993'],
  [trainingStateJson(state).replace('1.9', '"low"'), 'best: validationLoss: found text "low", expected a number'],
  [trainingStateJson(state).slice(0, 99), 'not JSON at byte'],
])('training.json number %# that is malformed is refused', (text, sentence) => {
  expect(() => parseTrainingState(text, 'training.json')).toThrow(InputError);
  expect(() => parseTrainingState(text, 'training.json')).toThrow(sentence);
});

test.each<[string, Partial<TrainingState>, string]>([
  [
    'version',
    { versions: pairs({ shaderformer: '0.2.0', node: '20' }) },
    'version: found text "0.2.0", expected text "0.1.0" as the run was saved at step 430',
  ],
  ['data', { dataHash: 'd2' }, 'dataHash: found text "d2", expected text "d1"'],
  ['tokenizer', { tokenizerHash: 't2' }, 'tokenizerHash: found text "t2", expected text "t1"'],
  ['layers', { model: pairs({ vocabSize: 65, nLayer: 3, nInner: null }) }, 'model.nLayer: found 3, expected 2'],
  [
    'a new shape key',
    { model: pairs({ vocabSize: 65, nLayer: 2, nInner: null, nKv: 1 }) },
    'model.nKv: found 1, expected nothing',
  ],
  ['seed', { random: pairs({ seed: 1 }) }, 'seed: found 1, expected 1337'],
  [
    'learning rate',
    { settings: new Map([...state.settings, ['learningRate', 3e-3]]) },
    'learningRate: found 0.003, expected 0.001',
  ],
  [
    'a lost setting',
    { settings: pairs({ steps: 1000, learningRate: 1e-3, optimizer: 'adamw' }) },
    'recompute: found nothing, expected false',
  ],
  [
    'fewer steps than done',
    { settings: new Map([...state.settings, ['steps', 200]]) },
    'steps: saved at 430, asked to stop at 200',
  ],
  ['fewer steps', { settings: new Map([...state.settings, ['steps', 999]]) }, 'steps: found 999, expected 1000'],
])('resuming with another %s is refused, naming the field and both values', (_, change, sentence) => {
  expect(() => compareResume(state, { ...now, ...change }, 'runs/a')).toThrow(InputError);
  expect(() => compareResume(state, { ...now, ...change }, 'runs/a')).toThrow(sentence);
});

test('steps may grow, and another adapter is only told', () => {
  expect(compareResume(state, now, 'runs/a')).toEqual([]);
  const more = {
    ...now,
    settings: new Map([...state.settings, ['steps', 2000]]),
    adapter: 'SwiftShader',
    kernels: new Map(),
  } as TrainingState;
  expect(compareResume(state, more, 'runs/a')).toEqual([
    'adapter was text "llvmpipe", is text "SwiftShader": losses may differ in the last digits',
  ]);
});
