// Matrix products in every stored layout, batched, with bias, and onto what has been accumulated so far.
import { InputError } from '../errors.ts';
import { show, sizeOf } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, type Dispatch, defineOp, expectShape, expectType, type Form, type Values } from './op.ts';
import { reshape } from './reshape.ts';

export interface MatmulAttrs {
  /** a is stored (K,M) instead of (M,K). */
  transposeA: boolean;
  /** b is stored (N,K) instead of (K,N): PyTorch's Linear. Not transposed is GPT-2's Conv1D. */
  transposeB: boolean;
}

/** M, N, K and the leading axes. A b of two axes is shared by all of the batch, which then simply is more rows. */
function dimensions({ a, b, bias, add }: Values, { transposeA, transposeB }: MatmulAttrs) {
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
  if (bias) expectShape('matmul', 'bias', bias, [N]);
  if (add) expectShape('matmul', 'add', add, shape);
  return { shape, batch: shared ? 1 : sizeOf(lead), M: shared ? sizeOf(lead) * rows : rows, N, K };
}

/** Size fields that all forms share. */
function sizesOf(inputs: Values, attrs: MatmulAttrs) {
  const { M, N, K } = dimensions(inputs, attrs);
  const [aRow, aCol] = attrs.transposeA ? [1, M] : [K, 1];
  return { M, N, K, a_row: aRow, a_col: aCol, HAS_BIAS: inputs.bias ? 1 : 0, ACCUMULATE: inputs.add ? 1 : 0 };
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
    dispatches: ({ inputs, outputs, attrs }, { packed }) => {
      const { batch, M, N, K } = dimensions(inputs, attrs);
      const COLUMNS = columnsOf(N);
      const COUNT = batch * K * COLUMNS;
      const pack: Dispatch[] = packed
        ? [{ kernel: 'matmul_pack', sizes: { COUNT, K, N, COLUMNS, ...bStrides(N, K, attrs) }, threads: [COUNT] }]
        : [];
      const kernel = lanes === 8 ? 'matmul_subgroup8' : 'matmul_subgroup4';
      const bind = { b: packed ?? inputs.b!, y: outputs.y! };
      const sizes = { ...sizesOf(inputs, attrs), COLUMNS };
      return [...pack, { kernel, sizes, threads: [N, M, batch], bind, flops: 2 * M * N * K * batch }];
    },
  };
}

export const matmulOp = defineOp<MatmulAttrs>({
  name: 'matmul',
  outputs: (inputs, attrs) => {
    for (const [name, tensor] of Object.entries(inputs)) expectType('matmul', name, tensor, 'f32');
    return { y: { shape: dimensions(inputs, attrs).shape } };
  },
  inPlace: { y: 'add' },
  forms: [
    subgroupForm(8),
    subgroupForm(4),
    {
      name: 'tile',
      dispatches: ({ inputs, outputs, attrs }) => {
        const { batch, M, N, K } = dimensions(inputs, attrs);
        const sizes = { ...sizesOf(inputs, attrs), ...bStrides(N, K, attrs) };
        const flops = 2 * M * N * K * batch;
        return [{ kernel: 'matmul', sizes, threads: [N, M, batch], bind: { y: outputs.y! }, flops }];
      },
    },
  ],
  backward: ({ inputs: { a, b }, attrs: { transposeA, transposeB }, grads }) => {
    const dy = grads.y!;
    const shared = b!.shape.length === 2 && a!.shape.length > 2;
    const flat = (t: Tensor) => (shared ? reshape(t, [t.size / t.shape.at(-1)!, t.shape.at(-1)!]) : t);
    return {
      a: (add) =>
        transposeA
          ? matmul(b!, dy, { transposeA: transposeB, transposeB: true, add })
          : matmul(dy, b!, { transposeB: !transposeB, add }),
      b: (add) =>
        transposeB
          ? matmul(flat(dy), flat(a!), { transposeA: true, transposeB: transposeA, add })
          : matmul(flat(a!), flat(dy), { transposeA: !transposeA, add }),
      bias: dy,
      add: dy,
    };
  },
});

export interface MatmulOptions extends Partial<MatmulAttrs> {
  /** (N), added to every row. */
  bias?: Tensor | undefined;
  /** The shape of the result: the product is added onto it. */
  add?: Tensor | null;
}

/**
 * y = a b (+ bias) (+ add).     a (...,M,K)  b (...,K,N) or (K,N) for the whole batch  ->  y (...,M,N)
 * da = dy b^T, db = a^T dy, dbias = sum of dy over rows.
 * @throws InputError if the sizes do not fit
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, bias, add } = options;
  return currentTape().push(matmulOp, { a, b, bias, add: add ?? undefined }, { transposeA, transposeB }).y!;
}
