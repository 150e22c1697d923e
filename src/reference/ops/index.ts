// The plain form of every op, by name. A test holds the table complete.
import { activation } from './activation.ts';
import { attention } from './attention.ts';
import { crossEntropy } from './cross_entropy.ts';
import { elementwise } from './elementwise.ts';
import { embedding } from './embedding.ts';
import { generation } from './generation.ts';
import { klDivergence } from './kl_divergence.ts';
import { layernorm } from './layernorm.ts';
import { llama } from './llama.ts';
import { matmul } from './matmul.ts';
import { muon } from './muon.ts';
import { optimizer } from './optimizer.ts';
import type { Reference } from './reference.ts';
import { softmax } from './softmax.ts';
import { sum } from './sum.ts';

export type { Reference } from './reference.ts';

/** By op name. Ops that only give a value another shape have none: the twin reads through them. */
export const references: ReadonlyMap<string, Reference> = new Map(
  [
    activation,
    attention,
    crossEntropy,
    elementwise,
    embedding,
    generation,
    layernorm,
    llama,
    matmul,
    muon,
    optimizer,
    klDivergence,
    softmax,
    sum,
  ].flatMap((family) => Object.entries(family)),
);
