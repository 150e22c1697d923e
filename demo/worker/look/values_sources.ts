// Where the numbers of a tensor come from: weights from the machine as they stand; activations from a forward pass over the run's
// example; gradients from the batches of the next step.
import {
  type Batch,
  gradientName,
  gradientsOf,
  InputError,
  madeValues,
  type Tensor,
  type TracedValues,
  ValueReader,
  type Whole,
  wholesOf,
} from '../../../src/index.ts';
import type { ListedTensor, ValueGroup } from '../../protocol/values.ts';
import type { Look } from './look.ts';

/** Numbers of a tensor that are read for a look at it. */
export const MOST_NUMBERS = 2 ** 24;

/** A tensor as a matrix, not read yet. */
export interface Matrix {
  listed: ListedTensor;
  rows: number;
  columns: number;
  tokens: readonly string[] | null;
  about: string;
  read(): Promise<Float32Array>;
  /** What it is in a replay; null for weights. */
  inside: Inside | null;
}

export interface Inside {
  reader: ValueReader;
  batches: readonly Batch[];
  /** In the order of their rows, more than one for a table in pieces. */
  pieces: readonly Tensor[];
  /** What all of it is multiplied with on the machine. */
  factor(): Promise<number>;
}

/** Everything that can be looked at. */
export function allTensors(look: Look): ListedTensor[] {
  return [
    ...weightsOf(look).map((whole) => listed('weights', whole)),
    ...gradients(look).all,
    ...activations(look).all,
  ];
}

/** @throws InputError for a name that is not there, or one too large */
export function matrixOf(look: Look, { name, group }: { name: string; group: ValueGroup }): Matrix {
  const { all, ...source } = { weights, gradients, activations }[group](look);
  const found = all.find((each) => each.name === name);
  if (!found) throw new InputError(`${group}: found no ${name}, expected one of the list. Choose it there.`);
  const columns = found.shape.at(-1) ?? 1;
  const numbers = found.shape.reduce((n, axis) => n * axis, 1);
  if (numbers > MOST_NUMBERS)
    throw new InputError(
      `${name}: holds ${numbers} numbers, expected at most ${MOST_NUMBERS} to be looked at. Choose a smaller one.`,
    );
  const rows = numbers / columns;
  const tokens = source.tokens?.length === rows ? source.tokens : null;
  return { listed: found, rows, columns, tokens, about: source.about, ...source.open(name) };
}

/** @throws InputError for a place outside of the matrix */
export function requirePlace({ listed: { name }, rows, columns }: Matrix, row: number, column: number): void {
  const inside = (at: number, end: number) => Number.isSafeInteger(at) && at >= 0 && at < end;
  if (inside(row, rows) && inside(column, columns)) return;
  throw new InputError(
    `${name}: found row ${row} and column ${column}, expected rows below ${rows} and columns below ${columns}. Choose a cell of it.`,
  );
}

interface Source {
  all: readonly ListedTensor[];
  about: string;
  tokens: readonly string[] | null;
  open(name: string): Pick<Matrix, 'read' | 'inside'>;
}

function listed(group: ValueGroup, { name, shape }: Pick<Whole, 'name' | 'shape'>, title = name): ListedTensor {
  return { name, group, title, shape };
}

/** Of the model, and of what is trained beside it. */
function weightsOf({ run: { model, trainer } }: Look): Whole[] {
  return wholesOf(new Set([...model.parameters, ...trainer.model.parameters]));
}

function weights(look: Look): Source {
  const wholes = weightsOf(look);
  const about = `the weights after step ${look.step}`;
  const read = async (name: string) => {
    const { pieces } = wholes.find((whole) => whole.name === name)!;
    const parts: Float32Array[] = [];
    for (const piece of pieces) parts.push((await look.run.machine.read(piece)) as Float32Array);
    return joined(parts);
  };
  const all = wholes.map((whole) => listed('weights', whole));
  return { all, about, tokens: null, open: (name) => ({ inside: null, read: () => read(name) }) };
}

/** The loss is an evaluation's: what the run trains on, without dropout. */
function gradients(look: Look): Source {
  const { machine, trainer } = look.run;
  const batches = look.run.peek();
  const { fn } = trainer.functions(batches[0]!, batches[0]!).find(({ kind }) => kind === 'trained')!;
  const reader = look.keep('gradients', () => new ValueReader(machine, gradientsOf(fn, trainer.optimizer)));
  const { graph } = reader.values(batches[0]!);
  const made = trainer.model.parameters.filter((parameter) => graph.outputs.has(gradientName(parameter)));
  const wholes = wholesOf(made);
  const of = batches.length === 1 ? 'batch' : `${batches.length} batches`;
  const about = `the gradients of the ${of} that step ${look.step + 1} trains on, nothing dropped, before they are clipped`;
  const { lossScale } = trainer.optimizer;
  const factor = async () => (lossScale ? (await machine.read(lossScale))[0]! : 1);
  const open = (name: string) => {
    const pieces = wholes
      .find((whole) => whole.name === name)!
      .pieces.map((piece) => graph.outputs.get(gradientName(piece))!);
    return { inside: { reader, batches, pieces, factor }, read: () => meanOver(look, reader, batches, pieces, factor) };
  };
  return { all: wholes.map((whole) => listed('gradients', whole)), about, tokens: null, open };
}

/** The gradient of the mean loss over all batches of a step, each weighted by what it keeps. */
async function meanOver(
  look: Look,
  reader: ValueReader,
  batches: readonly Batch[],
  pieces: readonly Tensor[],
  factor: () => Promise<number>,
): Promise<Float32Array> {
  let [all, weight]: [Float32Array | null, number] = [null, 0];
  for (const batch of batches) {
    if (look.stopped()) break;
    const { graph } = reader.values(batch);
    const own = batch === batches[0] ? pieces : sameOf(reader.values(batches[0]!), pieces, reader.values(batch));
    const kept = graph.outputs.get('kept')!;
    const found = await reader.read(batch, [...own, kept]);
    const values = joined(own.map((piece) => found.get(piece) as Float32Array));
    if (batches.length === 1) return divided(values, await factor());
    const share = found.get(kept)![0]!;
    all ??= new Float32Array(values.length);
    for (const [i, value] of values.entries()) all[i]! += share * value;
    weight += share;
  }
  return divided(all ?? new Float32Array(0), weight * (await factor()));
}

/** Values of the same names in the graph of another batch. */
function sameOf(from: TracedValues, values: readonly Tensor[], to: TracedValues): Tensor[] {
  return values.map((value) => to.graph.outputs.get(from.names.get(value)!)!);
}

function activations(look: Look): Source {
  const { machine, model, dtype } = look.run;
  const ids = look.ids('');
  const batch: Batch = { ids: { shape: [1, ids.length], data: Int32Array.from(ids) } };
  const forward = (given: Record<string, Tensor>) => ({ logits: model.head(model.hidden(given.ids!, { dtype })) });
  const reader = look.keep('activations', () => new ValueReader(machine, forward));
  const traced = reader.values(batch);
  const values = madeValues(traced);
  const open = (name: string) => {
    const pieces = [values.find((value) => value.name === name)!.tensor];
    const read = async () => (await reader.read(batch, pieces)).get(pieces[0]!) as Float32Array;
    return { inside: { reader, batches: [batch], pieces, factor: async () => 1 }, read };
  };
  const all = values.map(({ name, place, tensor }) => listed('activations', { name, shape: tensor.shape }, place));
  return { all, about: `a forward pass over the example, ${ids.length} tokens`, tokens: look.shown(ids), open };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function divided(values: Float32Array, by: number): Float32Array {
  return by === 1 ? values : values.map((value) => value / by);
}
