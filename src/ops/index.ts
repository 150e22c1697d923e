// The table of operations. One row an op; the op's own file has its formula, shape rule, kernels and derivative.

import { tallyOp, zeroOp } from './accumulate.ts';
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
import { argmaxOp } from './argmax.ts';
import { attentionOp } from './attention.ts';
import { attentionBackwardOp } from './attention_backward.ts';
import { cacheReorderOp } from './cache_reorder.ts';
import { cacheWriteOp } from './cache_write.ts';
import { castOp } from './cast.ts';
import { concatBackwardOp, concatOp } from './concat.ts';
import { assignOp } from './copy.ts';
import { crossEntropyBackwardOp, crossEntropyOp } from './cross_entropy.ts';
import { dropoutOp } from './dropout.ts';
import { emaOp } from './ema.ts';
import { embeddingBackwardOp, embeddingOp } from './embedding.ts';
import { expandOp } from './expand.ts';
import { gateOp } from './gate.ts';
import { klDivergenceBackwardOp, klDivergenceOp } from './kl_divergence.ts';
import { layernormBackwardOp, layernormBackwardParamsOp, layernormOp } from './layernorm.ts';
import { matmulBackwardWeightsOp, matmulOp } from './matmul.ts';
import { mulOp } from './mul.ts';
import { muonMomentumOp, muonUpdateOp } from './muon.ts';
import type { Op } from './op.ts';
import { adamwOp, globalNormOp } from './optimizer.ts';
import { normalizeOp } from './orthogonalize.ts';
import { partBackwardOp, partOp } from './part.ts';
import { reshapeOp } from './reshape.ts';
import { rmsnormBackwardOp, rmsnormBackwardWeightOp, rmsnormOp } from './rmsnorm.ts';
import { ropeOp } from './rope.ts';
import { scaleOp } from './scale.ts';
import { softmaxBackwardOp, softmaxOp } from './softmax.ts';
import { softmaxStatsBackwardBeforeOp, softmaxStatsBackwardOp, softmaxStatsOp } from './softmax_stats.ts';
import { sumOp } from './sum.ts';
import { swigluBackwardOp, swigluOp } from './swiglu.ts';

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
  softmaxStatsBackwardBeforeOp,
  softmaxStatsBackwardOp,
  softmaxStatsOp,
  klDivergenceBackwardOp,
  klDivergenceOp,
  embeddingBackwardOp,
  embeddingOp,
  layernormBackwardOp,
  layernormBackwardParamsOp,
  layernormOp,
  rmsnormBackwardOp,
  rmsnormBackwardWeightOp,
  rmsnormOp,
  ropeOp,
  swigluBackwardOp,
  swigluOp,
  softmaxBackwardOp,
  softmaxOp,
  addOp,
  argmaxOp,
  attentionBackwardOp,
  attentionOp,
  cacheReorderOp,
  cacheWriteOp,
  castOp,
  concatBackwardOp,
  concatOp,
  partBackwardOp,
  dropoutOp,
  partOp,
  assignOp,
  expandOp,
  matmulBackwardWeightsOp,
  matmulOp,
  mulOp,
  reshapeOp,
  scaleOp,
  sumOp,
  globalNormOp,
  gateOp,
  tallyOp,
  zeroOp,
  emaOp,
  adamwOp,
  muonMomentumOp,
  muonUpdateOp,
  normalizeOp,
];
