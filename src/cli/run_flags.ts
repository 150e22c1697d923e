// Flags of both commands that train, which are no settings of a run.
import { defineFlags } from './flags.ts';

/** Beside --steps. */
export const lengthFlags = defineFlags([
  {
    name: 'minutes',
    type: 'number',
    group: 'training',
    above: 0,
    max: 1e6,
    unit: 'minutes',
    help: 'instead of --steps: as many as fit, measured once before the first',
  },
  {
    name: 'find-lr',
    type: 'boolean',
    group: 'training',
    help: 'trains nothing that stays: tries rising learning rates, draws the losses and suggests one',
  },
]);

export const keepFlags = defineFlags([
  {
    name: 'keep-every',
    type: 'integer',
    group: 'output',
    min: 0,
    max: 1e9,
    unit: 'steps',
    help: 'checkpoints of these steps stay for ever; 0 keeps the last two and the best',
  },
]);
