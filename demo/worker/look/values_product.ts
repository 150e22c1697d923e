// Which numbers were multiplied and added to make one, as they stood on the machine in the very replay that made it.
import { type HostTensor, type Line, lineOf, makerOf, placeOf, productAt, type Tensor } from '../../../src/index.ts';
import type { OpenedCell, ProductLine } from '../../protocol/values.ts';
import type { Look } from './look.ts';
import { type Inside, type Matrix, MOST_NUMBERS } from './values_sources.ts';

interface Found extends Pick<OpenedCell, 'product' | 'why'> {
  /** The whole matrix. */
  values: Float32Array;
}

/** Rounding of a number stored as f32, and as f16. */
const ROUNDING = { f32: 2 ** -24, f16: 2 ** -11 };

/** @param at number of the element in the matrix */
export async function productOf(look: Look, matrix: Matrix, at: number): Promise<Found> {
  const none = async (why: string) => ({ values: await matrix.read(), product: null, why });
  const { inside } = matrix;
  if (!inside) return none('A weight is not computed: every step moves it a little against its gradient.');
  const { reader, batches, pieces } = inside;
  const { graph } = reader.values(batches[0]!);
  const [piece, start] = pieceAt(pieces, at);
  const product = productAt(graph, piece, at - start);
  if (!product) return none(`No product of matrices made it: ${whoMade(inside, piece)}.`);
  if (batches.length > 1) return none(`It is a mean over ${batches.length} batches: no single product made it.`);
  const { left, right, added } = product;
  const inputs = [left.tensor, right.tensor, ...added.map(({ tensor }) => tensor)];
  const large = inputs.find(({ size }) => size > MOST_NUMBERS);
  if (large) return none(`It was made from ${placeOf(graph, large)}, which is too large to be read for a look.`);
  if (look.stopped()) return none('');

  // What the machine reads of them: a view is a window of what it shows.
  const found = await reader.read(batches[0]!, [...pieces, ...inputs]);
  const factor = await inside.factor();
  const own = pieces.map((each) => found.get(each) as Float32Array);
  const values = new Float32Array(matrix.rows * matrix.columns);
  let filled = 0;
  for (const part of own) {
    values.set(factor === 1 ? part : part.map((value) => value / factor), filled);
    filled += part.length;
  }
  const line = (of: Line, by: number): ProductLine => {
    const numbers = lineOf(of, found.get(of.tensor)!);
    const shown = by === 1 ? numbers : numbers.map((value) => value / by);
    return { name: placeOf(graph, of.tensor), way: of.way, index: of.index, values: shown };
  };
  const terms = added.map(({ what, tensor, at: element }) => ({
    name: `${WORDS[what]} ${placeOf(graph, tensor)}`,
    value: number(found.get(tensor)!, element) / factor,
  }));
  const multiplied = { left: line(left, 1), right: line(right, factor) };
  const summed = summedUp(multiplied, terms, [piece, left.tensor, right.tensor]);
  return { values, product: { ...multiplied, added: terms, ...summed }, why: '' };
}

const WORDS = { bias: 'the bias', residual: 'what goes around the layer,', add: 'what was there before,' } as const;

/** The sum in float64, and by how much rounding alone may part the machine's from it: it adds in f32, in whatever order. */
function summedUp(
  { left, right }: { left: ProductLine; right: ProductLine },
  added: readonly { value: number }[],
  stored: readonly Tensor[],
): { sum: number; tolerance: number } {
  let [sum, sizes] = [0, 0];
  const take = (term: number) => {
    sum += term;
    sizes += Math.abs(term);
  };
  for (const [k, value] of left.values.entries()) take(value * right.values[k]!);
  for (const { value } of added) take(value);
  const half = stored.some(({ dtype }) => dtype === 'f16');
  const steps = 2 + Math.sqrt(left.values.length);
  return { sum, tolerance: 4 * sizes * steps * (half ? ROUNDING.f16 : ROUNDING.f32) };
}

/** The piece that an element lies in, and its first element. */
function pieceAt(pieces: readonly Tensor[], at: number): [Tensor, number] {
  let start = 0;
  for (const piece of pieces) {
    if (at < start + piece.size) return [piece, start];
    start += piece.size;
  }
  return [pieces[0]!, 0];
}

/** `embedding_backward.dw`. */
function whoMade({ reader, batches }: Inside, piece: Tensor): string {
  const { graph } = reader.values(batches[0]!);
  const made = makerOf(graph, piece, 0);
  return made ? `${made.node.op.name}, in ${made.node.scope || 'the model itself'}, did` : 'it is given';
}

function number(values: HostTensor['data'], at: number): number {
  return values[at]!;
}
