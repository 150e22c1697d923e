// What one dispatch of a step reads and writes, and how far its results are from those of the CPU twin, given the same values.
import type { Node } from '../autograd/graph.ts';
import { readReplays, type Tap } from '../runtime/copied_replays.ts';
import type { Device } from '../runtime/device.ts';
import type { PlannedBinding } from '../schedule/plan.ts';
import { type HostArray, isReal, type Tensor } from '../tensor/tensor.ts';
import { Expected } from './expected.ts';
import type { PlannedStep, StepDispatch } from './step_plan.ts';
import { toleranceOf } from './tolerance.ts';

export interface ComparedValue {
  /** What the twin makes of it, as float32. */
  values: Float32Array;
  /** Largest difference of two values. Infinity where one is a finite number and the other is not. */
  difference: number;
  /** How large it may be: `relative` times the largest size of the twin's. 0: bits are moved. */
  tolerance: number;
  relative: number;
  terms: number;
}

export interface SeenValue {
  /** As the kernel calls it. */
  name: string;
  tensor: Tensor;
  /** What is bound of it; in a result that another dispatch of the operation leaves, `at` is that one's number in the list. */
  at: number;
  written: boolean;
  /** As the dispatch finds what it reads, and leaves what it writes. */
  values: HostArray;
  /** What stood in its place before, where the kernel reads and overwrites it. */
  before: HostArray | null;
  compared: ComparedValue | null;
  /** Why it is not compared; null where it is, or is only read. */
  why: string | null;
}

/**
 * Runs the step on a copy until the operation is done that a dispatch belongs to.
 * @param index among step.dispatches
 * @returns what it binds, and behind that what the operation results in, where that is for a later dispatch of it to write
 * @throws InputError for what is too large to be copied or read
 */
export async function valuesOfDispatch(device: Device, step: PlannedStep, index: number): Promise<SeenValue[]> {
  const opened = step.dispatches[index]!;
  const { replay, at, dispatch } = opened;
  const { graph, plan } = step.replays[replay]!;
  const same = (i: number) => plan.dispatches[i]?.node === dispatch.node;
  let [first, end] = [at, at + 1];
  while (same(first - 1)) first--;
  while (same(end)) end++;

  const taps = new Taps(replay);
  const bound = (from: number, to: number) =>
    plan.dispatches
      .slice(from, to)
      .flatMap(({ bindings }, i) => bindings.map((binding) => ({ at: from + i, binding })));
  for (const { binding } of bound(first, end)) taps.add(first, binding);
  for (const { binding } of bound(at, at + 1)) {
    taps.add(at, binding);
    if (binding.access === 'read_write') taps.add(at + 1, binding);
  }
  // The last one that writes a value leaves the result.
  const results = new Map<Tensor, { at: number; binding: PlannedBinding }>();
  for (const each of bound(first, end))
    if (each.binding.access === 'read_write' && each.binding.value) results.set(each.binding.value, each);
  for (const each of results.values()) taps.add(each.at + 1, each.binding);
  await taps.read(device, step);

  const given = new Map<Tensor, HostArray>();
  for (const { binding } of bound(first, end)) if (binding.value) given.set(binding.value, taps.value(first, binding)!);
  const node = graph.nodes[dispatch.node]!;
  const writers = [node, ...graph.nodes.filter(({ op, index: i }) => op.writes && i !== node.index)];
  const twin = new Expected(graph, given);
  const own = dispatch.bindings
    .filter(({ value }) => value)
    .map((binding): SeenValue => {
      const written = binding.access === 'read_write';
      const [before, values] = [taps.value(at, binding)!, taps.value(at + (written ? 1 : 0), binding)!];
      const seen = { name: binding.name, tensor: binding.value!, at: index, written, values };
      if (!written) return { ...seen, before: null, compared: null, why: null };
      const reads = readsToo(graph.nodes[dispatch.node]!, binding.value!);
      const last = results.get(binding.value!)!.at === at;
      return { ...seen, before: reads ? before : null, ...compare(opened, binding, values, last) };
    });
  const later = [...results].flatMap(([tensor, { at: by, binding }]): SeenValue[] => {
    if (by === at || !graph.producer.has(tensor)) return [];
    const values = taps.value(by + 1, binding)!;
    const seen = { name: binding.name, tensor, at: index + by - at, written: true, values, before: null };
    return [{ ...seen, ...compare(opened, binding, values, true) }];
  });
  return own.some(({ compared }) => compared) ? own : [...own, ...later];

  function compare(
    { dispatch: { form, bindings } }: StepDispatch,
    { value }: PlannedBinding,
    found: HostArray,
    last: boolean,
  ): Pick<SeenValue, 'compared' | 'why'> {
    if (form === 'copy' && bindings.some((each) => each.value === value)) {
      const from = bindings.find(({ access }) => access === 'read')!;
      return { compared: compared(found, taps.value(at, from)!, 0, 1), why: null };
    }
    if (!last) return { compared: null, why: 'A later dispatch of the same operation writes it once more.' };
    const expected = twin.of(value!, writers);
    if (!expected)
      return { compared: null, why: 'Scratch: it lives inside this operation, and the twin has no such value.' };
    const { relative, terms } = toleranceOf(expected.node, value!);
    const exact = isReal(value!.dtype) ? relative : 0;
    return { compared: compared(found, expected.values, exact, terms), why: null };
  }
}

/** Whether a value that a node writes is read by it as well. */
function readsToo({ op, inputs, outputs }: Node, tensor: Tensor): boolean {
  const starts = Object.entries(op.inPlace ?? {}).some(([name, input]) => outputs[name] === tensor && inputs[input]);
  return starts || (op.writes ?? []).some((name) => inputs[name] === tensor);
}

function compared(found: HostArray, twin: ArrayLike<number>, relative: number, terms: number): ComparedValue {
  const values = Float32Array.from(twin);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < found.length; i++) {
    const [own, other] = [found[i]!, values[i]!];
    if (Number.isFinite(other)) largest = Math.max(largest, Math.abs(other));
    if (Object.is(own, other) || own === other) continue;
    const apart = Number.isFinite(own) && Number.isFinite(other) ? Math.abs(own - twin[i]!) : Number.POSITIVE_INFINITY;
    difference = Math.max(difference, apart);
  }
  return { values, difference, tolerance: relative * largest, relative, terms };
}

/** Values that are wanted, each once, by when and where. */
class Taps {
  readonly #replay: number;
  readonly #taps = new Map<string, Tap>();
  #values = new Map<string, HostArray>();
  readonly #numbers = new Map<Tensor, number>();

  constructor(replay: number) {
    this.#replay = replay;
  }

  add(done: number, binding: PlannedBinding): void {
    const { value } = binding;
    if (!value) return;
    this.#taps.set(this.#key(done, value), { replay: this.#replay, done, region: binding, tensor: value });
  }

  async read(device: Device, step: PlannedStep): Promise<void> {
    const values = await readReplays(device, step.replays, [...this.#taps.values()]);
    this.#values = new Map([...this.#taps.keys()].map((key, i) => [key, values[i]!]));
  }

  value(done: number, { value }: PlannedBinding): HostArray | null {
    return value && (this.#values.get(this.#key(done, value)) ?? null);
  }

  #key(done: number, tensor: Tensor): string {
    let number = this.#numbers.get(tensor);
    if (number === undefined) this.#numbers.set(tensor, (number = this.#numbers.size));
    return `${done} ${number}`;
  }
}

/** The first dispatch that leaves a value which is not finite, by its number in the list; null where all are. */
export async function firstNotFinite(device: Device, step: PlannedStep, most = 2 ** 25): Promise<number | null> {
  let taps: Tap[] = [];
  let owners: number[] = [];
  let bytes = 0;
  const look = async () => {
    const values = await readReplays(device, step.replays, taps);
    const at = values.findIndex((each) => !each.every(Number.isFinite));
    const found = at < 0 ? null : owners[at]!;
    [taps, owners, bytes] = [[], [], 0];
    return found;
  };
  // Of a batch function that is replayed several times each replay is looked at.
  for (const [replay, { plan }] of step.replays.entries()) {
    const start = step.dispatches.findIndex(({ replay: first }) => step.replays[first]!.plan === plan);
    for (const [i, { bindings }] of plan.dispatches.entries()) {
      for (const binding of bindings) {
        const { value, access, size } = binding;
        if (access !== 'read_write' || !value || !isReal(value.dtype)) continue;
        if (bytes + size > most) {
          const found = await look();
          if (found !== null) return found;
        }
        taps.push({ replay, done: i + 1, region: binding, tensor: value });
        owners.push(start + i);
        bytes += size;
      }
    }
  }
  return look();
}
