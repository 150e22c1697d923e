// Matrix products in every stored layout, batched, with what a layer does beside them in the same kernel: bias, residual, adding
// onto what has been accumulated so far, and the gradient of the bias beside that of the weight.
import { InputError } from '../errors.ts';
import { show, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import {
  currentTape,
  type Dispatch,
  defineOp,
  expectShape,
  expectType,
  type Form,
  type Site,
  type Values,
} from './op.ts';
import { reshape } from './reshape.ts';

export interface MatmulAttrs {
  /** a is stored (K,M) instead of (M,K). */
  transposeA: boolean;
  /** b is stored (N,K) instead of (K,N): PyTorch's Linear. Not transposed is GPT-2's Conv1D. */
  transposeB: boolean;
}

/** M, N, K and the leading axes. A b of two axes is shared by all of the batch, which then simply is more rows. */
function dimensions({ a, b, bias, residual, add, addSums }: Values, { transposeA, transposeB }: MatmulAttrs) {
  const [x, w] = [a!.shape, b!.shape];
  if (x.length < 2 || w.length < 2)
    throw new InputError(`matmul: a ${show(x)} and b ${show(w)} need two axes or more.`);
  const shared = w.length === 2 && x.length > 2;
  if (shared && transposeA)
    throw new InputError(`matmul: a ${show(x)} is transposed and b ${show(w)} has no batch. Reshape a to two axes.`);
  const lead = x.slice(0, -2);
  if (!shared && (w.length !== x.length || lead.some((d, i) => d !== w[i])))
    throw new InputError(`matmul: the leading axes of a ${show(x)} and b ${show(w)} differ.`);
  const [rows, K] = transposeA ? [x.at(-1)!, x.at(-2)!] : [x.at(-2)!, x.at(-1)!];
  const [inner, N] = transposeB ? [w.at(-1)!, w.at(-2)!] : [w.at(-2)!, w.at(-1)!];
  if (inner !== K) {
    const other = transposeB ? w.at(-2)! : w.at(-1)!;
    const hint =
      other === K
        ? ` b is stored ${transposeB ? '(in,out): leave out transposeB' : '(out,in): did you mean transposeB'}?`
        : '';
    throw new InputError(`matmul: inner sizes differ: a ${show(x)} gives ${K}, b ${show(w)} gives ${inner}.${hint}`);
  }
  const shape = [...lead, rows, N];
  for (const [name, tensor] of Object.entries({ bias, addSums })) if (tensor) expectShape('matmul', name, tensor, [N]);
  for (const [name, tensor] of Object.entries({ residual, add }))
    if (tensor) expectShape('matmul', name, tensor, shape);
  return { shape, batch: shared ? 1 : sizeOf(lead), M: shared ? sizeOf(lead) * rows : rows, N, K };
}

/** Size fields that all forms share. */
function sizesOf({ inputs, outputs, attrs }: Site<MatmulAttrs>) {
  const { M, N, K } = dimensions(inputs, attrs);
  const [aRow, aCol] = attrs.transposeA ? [1, M] : [K, 1];
  const flag = (value: Tensor | undefined) => (value ? 1 : 0);
  return {
    ...{ M, N, K, a_row: aRow, a_col: aCol },
    HAS_BIAS: flag(inputs.bias),
    HAS_RESIDUAL: flag(inputs.residual),
    ACCUMULATE: flag(inputs.add),
    HAS_SUMS: flag(outputs.sums),
    ACCUMULATE_SUMS: flag(inputs.addSums),
  };
}

function bStrides(N: number, K: number, { transposeB }: MatmulAttrs) {
  return transposeB ? { b_row: 1, b_col: K } : { b_row: N, b_col: 1 };
}

/**
 * b is read row by row as vec4. Where it is not stored so (transposed, or N not a multiple of 4) it is packed first, which
 * costs little beside the product.
 */
function subgroupForm(lanes: 4 | 8): Form<MatmulAttrs> {
  const columnsOf = (N: number) => Math.ceil(N / 4);
  return {
    name: `subgroup${lanes}`,
    // These kernels are wrong, not slow, at any other subgroup size.
    runsOn: ({ features, subgroupMinSize, subgroupMaxSize }) =>
      features.has('subgroups') && subgroupMinSize === lanes && subgroupMaxSize === lanes,
    scratch: ({ inputs, attrs }) => {
      const { batch, N, K } = dimensions(inputs, attrs);
      return attrs.transposeB || N % 4 !== 0 ? { packed: { shape: [batch, K, 4 * columnsOf(N)] } } : {};
    },
    dispatches: (site, { packed }) => {
      const { inputs, outputs, attrs } = site;
      const { batch, M, N, K } = dimensions(inputs, attrs);
      const COLUMNS = columnsOf(N);
      const COUNT = batch * K * COLUMNS;
      const pack: Dispatch[] = packed
        ? [{ kernel: 'matmul_pack', sizes: { COUNT, K, N, COLUMNS, ...bStrides(N, K, attrs) }, threads: [COUNT] }]
        : [];
      const kernel = lanes === 8 ? 'matmul_subgroup8' : 'matmul_subgroup4';
      const bind = { b: packed ?? inputs.b!, y: outputs.y! };
      const sizes = { ...sizesOf(site), COLUMNS };
      return [...pack, { kernel, sizes, threads: [N, M, batch], bind, flops: 2 * M * N * K * batch }];
    },
  };
}

const forms: readonly Form<MatmulAttrs>[] = [
  subgroupForm(8),
  subgroupForm(4),
  {
    name: 'tile',
    dispatches: (site) => {
      const { inputs, outputs, attrs } = site;
      const { batch, M, N, K } = dimensions(inputs, attrs);
      const sizes = { ...sizesOf(site), ...bStrides(N, K, attrs) };
      const flops = 2 * M * N * K * batch;
      return [{ kernel: 'matmul', sizes, threads: [N, M, batch], bind: { y: outputs.y! }, flops }];
    },
  },
];

function outputShape(inputs: Values, attrs: MatmulAttrs) {
  for (const [name, tensor] of Object.entries(inputs)) expectType('matmul', name, tensor, 'f32');
  return dimensions(inputs, attrs).shape;
}

/**
 * y = a b (+ add) and sums = the sums of b's columns (+ addSums), for one product without batch. With the input of a linear layer
 * as a, transposed, and the gradient of its output as b, these are the gradients of its weight and of its bias.
 */
export const matmulBackwardWeightsOp = defineOp<MatmulAttrs>({
  name: 'matmul_backward_weights',
  outputs: (inputs, attrs) => {
    const shape = outputShape(inputs, attrs);
    return { y: { shape }, sums: { shape: [shape[1]!] } };
  },
  inPlace: { y: 'add', sums: 'addSums' },
  forms,
  backward: 'not differentiable',
});

export const matmulOp = defineOp<MatmulAttrs>({
  name: 'matmul',
  outputs: (inputs, attrs) => ({ y: { shape: outputShape(inputs, attrs) } }),
  inPlace: { y: 'add' },
  forms,
  backward: ({ inputs: { a, b }, attrs: { transposeA, transposeB }, grads, needs, accumulated }) => {
    const dy = grads.y!;
    const shared = b!.shape.length === 2 && a!.shape.length > 2;
    const flat = (t: Tensor) => (shared ? reshape(t, [t.size / t.shape.at(-1)!, t.shape.at(-1)!]) : t);
    // Only then is dy the right factor of one product, whose columns are summed beside it.
    const together = needs('b') && needs('bias') && !transposeB && b!.shape.length === 2;
    let made: Record<string, Tensor> | null = null;
    const makeBoth = () => {
      const onto = { add: accumulated('b') ?? undefined, addSums: accumulated('bias') ?? undefined };
      const attrs = { transposeA: !transposeA, transposeB: false };
      return currentTape().push(matmulBackwardWeightsOp, { a: flat(a!), b: flat(dy), ...onto }, attrs);
    };
    return {
      a: (add) =>
        transposeA
          ? matmul(b!, dy, { transposeA: transposeB, transposeB: true, add })
          : matmul(dy, b!, { transposeB: !transposeB, add }),
      b: (add) => {
        if (together) return (made = makeBoth()).y!;
        return transposeB
          ? matmul(flat(dy), flat(a!), { transposeA: true, transposeB: transposeA, add })
          : matmul(flat(a!), flat(dy), { transposeA: !transposeA, add });
      },
      bias: together ? (_) => (made ?? makeBoth()).sums! : dy,
      residual: dy,
      add: dy,
    };
  },
});

export interface MatmulOptions extends Partial<MatmulAttrs> {
  /** (N), added to every row. */
  bias?: Tensor | undefined;
  /** The shape of the result, added to it: what goes around the layer. */
  residual?: Tensor | undefined;
  /** The shape of the result: the product is added onto it, in its place where nobody reads it later. */
  add?: Tensor | null;
}

/**
 * y = a b (+ bias) (+ residual) (+ add).     a (...,M,K)  b (...,K,N) or (K,N) for the whole batch  ->  y (...,M,N)
 * da = dy b^T, db = a^T dy, dbias = sum of dy over rows, dresidual = dadd = dy.
 * @throws InputError if the sizes do not fit
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, bias, residual, add } = options;
  const inputs = { a, b, bias, residual, add: add ?? undefined };
  return currentTape().push(matmulOp, inputs, { transposeA, transposeB }).y!;
}
