// The op table as tests see it: for every operation its samples (odd sizes, large means, every form) and what it refuses.
import type { OpRow } from './op_row.ts';
import { arithmetic } from './op_rows_arithmetic.ts';
import { attentions } from './op_rows_attention.ts';
import { crossEntropies } from './op_rows_cross_entropy.ts';
import { dropouts } from './op_rows_dropout.ts';
import { generation } from './op_rows_generation.ts';
import { klDivergences } from './op_rows_kl_divergence.ts';
import { layers } from './op_rows_layers.ts';
import { llamas } from './op_rows_llama.ts';
import { products } from './op_rows_matmul.ts';
import { state } from './op_rows_state.ts';
import { vocabulary } from './op_rows_vocabulary.ts';

export const rows: readonly OpRow[] = [
  ...arithmetic,
  ...products,
  ...layers,
  ...llamas,
  ...attentions,
  ...dropouts,
  ...state,
  ...crossEntropies,
  ...klDivergences,
  ...vocabulary,
  ...generation,
];
