// Tables of kernels for kinds of adapters that were measured, for machines where nothing was: see kernel_choice.ts. Plain data, made
// from stored tables by scripts/make-shipped.ts: do not write it by hand.
import type { ShippedTable } from './shipped_table.ts';

export const shipped: readonly ShippedTable[] = [
  {
    adapter: 'llvmpipe',
    subgroups: '8',
    measured: '2026-11-25',
    on: 'llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1, in node',
    kernels: {
      layernorm_backward_params: 'one_stage_vec4',
      rmsnorm_backward_weight: 'one_stage_vec4',
      softmax_stats: 'row',
      softmax_stats_backward: 'row',
      sum: 'one_stage',
    },
    plain: {
      layernorm_backward_params: 'one_stage_vec4',
      rmsnorm_backward_weight: 'one_stage_vec4',
      softmax_stats: 'row',
      softmax_stats_backward: 'row',
      sum: 'one_stage',
    },
    forms: {
      softmax_stats_backward: 'workgroup_every_row workgroup_a_row row',
      softmax_stats: 'workgroup_every_row workgroup_a_row row',
      layernorm_backward_params: 'two_stages_workgroup two_stages_vec4 two_stages one_stage_vec4 one_stage',
      rmsnorm_backward_weight: 'two_stages_workgroup two_stages_vec4 two_stages one_stage_vec4 one_stage',
      sum: 'two_stages one_stage',
    },
  },
  {
    adapter: 'swiftshader',
    subgroups: '4',
    measured: '2026-11-25',
    on: 'SwiftShader driver 5.0.0, in node',
    kernels: {
      layernorm_backward_params: 'one_stage_vec4',
      softmax_stats: 'row',
      softmax_stats_backward: 'row',
    },
    plain: {
      layernorm_backward_params: 'one_stage_vec4',
      softmax_stats: 'row',
      softmax_stats_backward: 'row',
    },
    forms: {
      softmax_stats_backward: 'workgroup_every_row workgroup_a_row row',
      softmax_stats: 'workgroup_every_row workgroup_a_row row',
      layernorm_backward_params: 'two_stages_workgroup two_stages_vec4 two_stages one_stage_vec4 one_stage',
    },
  },
];
