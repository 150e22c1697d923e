// The table of operations. One row an op; the op's own file has its formula, shape rule, kernels and derivative.
import {
  geluErfBackwardOp,
  geluErfOp,
  geluTanhBackwardOp,
  geluTanhOp,
  reluBackwardOp,
  reluOp,
  siluBackwardOp,
  siluOp,
} from './activations.ts';
import { addOp } from './add.ts';
import { attentionBackwardOp, attentionOp } from './attention.ts';
import { assignOp } from './copy.ts';
import { crossEntropyBackwardOp, crossEntropyOp } from './cross_entropy.ts';
import { embeddingBackwardOp, embeddingOp } from './embedding.ts';
import { expandOp } from './expand.ts';
import { layernormBackwardOp, layernormBackwardParamsOp, layernormOp } from './layernorm.ts';
import { matmulOp } from './matmul.ts';
import { mulOp } from './mul.ts';
import { muonMomentumOp, muonUpdateOp } from './muon.ts';
import type { Op } from './op.ts';
import { adamwOp, gateOp, globalNormOp } from './optimizer.ts';
import { normalizeOp } from './orthogonalize.ts';
import { partOp } from './part.ts';
import { reshapeOp } from './reshape.ts';
import { scaleOp } from './scale.ts';
import { softmaxBackwardOp, softmaxOp } from './softmax.ts';
import { sumOp } from './sum.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows of one table have different attributes
export const ops: readonly Op<any>[] = [
  geluErfBackwardOp,
  geluErfOp,
  geluTanhBackwardOp,
  geluTanhOp,
  reluBackwardOp,
  reluOp,
  siluBackwardOp,
  siluOp,
  crossEntropyBackwardOp,
  crossEntropyOp,
  embeddingBackwardOp,
  embeddingOp,
  layernormBackwardOp,
  layernormBackwardParamsOp,
  layernormOp,
  softmaxBackwardOp,
  softmaxOp,
  addOp,
  attentionBackwardOp,
  attentionOp,
  partOp,
  assignOp,
  expandOp,
  matmulOp,
  mulOp,
  reshapeOp,
  scaleOp,
  sumOp,
  globalNormOp,
  gateOp,
  adamwOp,
  muonMomentumOp,
  muonUpdateOp,
  normalizeOp,
];
