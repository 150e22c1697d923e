// Keys and values of new tokens into a cache, behind those that stand there.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp, expectReal, expectShape, expectType, type Values } from './op.ts';

/** Numbers of a token in k and in v, and where its keys and its values begin in it. */
interface Columns {
  token: number;
  k: number;
  v: number;
}

/** @throws InputError where the parts do not fit together */
export function cacheShape({ keys, values, k, v, qkv, start }: Values) {
  const { shape, dtype } = keys!;
  const [B, capacity, W] = shape as [number, number, number];
  if (shape.length !== 3) throw new InputError(`cache_write: found keys ${show(shape)}, expected (B,capacity,KV*D).`);
  expectReal('cache_write', 'keys', keys!);
  expectShape('cache_write', 'values', values!, shape);
  const given = { values: values!, ...(qkv ? { qkv } : { k: k!, v: v! }) };
  for (const [name, tensor] of Object.entries(given)) expectType('cache_write', name, tensor, dtype);
  const [Bx, T, token] = (qkv ?? k!).shape as [number, number, number];
  const fits = (qkv ?? k!).shape.length === 3 && Bx === B && T <= capacity && (qkv ? token >= 2 * W : token === W);
  if (!fits) {
    const found = qkv ? `qkv ${show(qkv.shape)}` : `k ${show(k!.shape)}`;
    throw new InputError(
      `cache_write: found ${found} for keys ${show(shape)}, expected ${qkv ? `(${B},T,Q+2*${W})` : `(${B},T,${W})`} with T up to ${capacity}.`,
    );
  }
  if (!qkv) expectShape('cache_write', 'v', v!, k!.shape);
  expectType('cache_write', 'start', start!, 'f32');
  expectShape('cache_write', 'start', start!, [B]);
  const columns: Columns = qkv ? { token, k: token - 2 * W, v: token - W } : { token, k: 0, v: 0 };
  return { B, T, W, capacity, columns };
}

export const cacheWriteOp = defineOp<null>({
  name: 'cache_write',
  outputs: (inputs) => {
    cacheShape(inputs);
    return {};
  },
  writes: ['keys', 'values'],
  forms: [
    {
      name: 'rows',
      dispatches: ({ inputs }) => {
        const { B, T, W, capacity, columns } = cacheShape(inputs);
        const { qkv, k = qkv!, v = qkv! } = inputs;
        const sizes = { N: B * T * W, T, W, capacity, token: columns.token, k_first: columns.k, v_first: columns.v };
        return [{ kernel: 'cache_write', sizes, threads: [sizes.N], bind: { k, v } }];
      },
    },
  ],
  backward: 'not differentiable',
});

/**
 * keys[b, start[b] + t] = k[b, t], and values likewise from v, both in place; what would lie behind the capacity is left out.
 * keys, values: state (B,capacity,KV*D)  k, v (B,T,KV*D), stored alike  start f32 (B), whole numbers
 * @throws InputError where the shapes or the types do not fit
 */
export function cacheWrite(keys: Tensor, values: Tensor, k: Tensor, v: Tensor, start: Tensor): void {
  currentTape().push(cacheWriteOp, { keys, values, k, v, start }, null);
}

/** As cacheWrite, of packed tokens, whose last two parts are keys and values: qkv (B,T,Q+2*KV*D). */
export function cacheWritePacked(keys: Tensor, values: Tensor, qkv: Tensor, start: Tensor): void {
  currentTape().push(cacheWriteOp, { keys, values, qkv, start }, null);
}
