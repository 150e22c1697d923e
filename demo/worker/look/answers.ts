// By kind of question who answers it. None of it is part of a first visit: it is loaded when somebody looks.
import type { Answered, Asked, Kind } from '../../protocol/questions.ts';
import type { Look } from './look.ts';

/** @throws InputError for what cannot be looked at */
type Answer<K extends Kind> = (look: Look, asked: Asked<K>) => Promise<Answered<K>>;

export const ANSWERS: { readonly [K in Kind]: () => Promise<Answer<K>> } = {
  tokens: async () => (await import('./tokens.ts')).lookAtTokens,
  attention: async () => (await import('./attention.ts')).lookAtAttention,
  lens: async () => (await import('./lens.ts')).lookThroughLens,
  tensors: async () => (await import('./values.ts')).listTensors,
  values: async () => (await import('./values.ts')).lookAtValues,
  cell: async () => (await import('./values.ts')).openCell,
  shares: async () => (await import('./parts.ts')).sharesOfStep,
  dispatches: async () => (await import('./kernels.ts')).listDispatches,
  classified: async () => (await import('./classified.ts')).classifyText,
  sample: async () => (await import('./sample.ts')).writeSample,
  dispatch: async () => (await import('./kernels.ts')).openDispatch,
  notFinite: async () => (await import('./kernels.ts')).findNotFinite,
};
