// Times every form of an op at one call, in turn, so that a busy machine hits all alike, and checks each against the twin before
// and after it is timed: a fast wrong form is no form.
import type { Compiled } from '../autograd/machine.ts';
import { type Capabilities, currentTape, type Form, leastCapabilities } from '../ops/op.ts';
import { part } from '../ops/part.ts';
import type { Numbers } from '../reference/store.ts';
import { Twin } from '../reference/twin.ts';
import type { Device } from '../runtime/device.ts';
import { median } from '../runtime/profile.ts';
import { tried } from '../schedule/order.ts';
import { normal, randomBits } from '../tensor/random.ts';
import { sizeOf } from '../tensor/shape.ts';
import { bytesOf, Tensor } from '../tensor/tensor.ts';
import type { TuneCase } from './shapes.ts';

/** Error of a value, relative to the largest of its tensor: rounding in f32 stays a tenth of it or less at these sizes. */
export const TOLERANCE = 1e-5;

/** The figure of a form is the best of so many medians, each of so many samples. */
const MEDIANS = 3;
const SAMPLES = 5;
/** A sample repeats the call for about so long (ms), but not more often than this, nor into more bytes of results. */
const SAMPLE_MS = 12;
const MOST_REPEATS = 16;
const MOST_BYTES = 64 * 2 ** 20;
/** A form this many times slower than the best is not timed to the end. */
const HOPELESS = 3;

export interface MeasuredForm {
  name: string;
  /** It runs on this adapter without optional features, too. */
  plain: boolean;
  /** Of one call. Infinite for a wrong form, which is not timed. */
  ms: number;
  /** The largest error, relative to the largest value of its tensor; infinite where something is not a number. */
  error: number;
}

export interface MeasuredCase {
  op: string;
  name: string;
  /** All forms of the op that run on the adapter, in the order in which they are tried. */
  runs: readonly { name: string; plain: boolean }[];
  /** Those that fit, in the order in which they are tried: the first is what runs by default. */
  forms: MeasuredForm[];
  /** The worst median of a form over its best, at most: 1 on a quiet machine. */
  spread: number;
}

type Tensors = Record<string, Tensor>;

/** All forms of the case's op that run on the device and fit the case. */
export async function measureCase(device: Device, tuneCase: TuneCase): Promise<MeasuredCase> {
  const { op, name } = tuneCase;
  const twin = new Twin();
  const inputs = await inputsOf(tuneCase, twin);
  const call = () => currentTape().push(op, inputs, tuneCase.attrs);
  try {
    const exact = await twin.compile(call)({});
    const expected = new Map(Object.entries(exact).map(([output, value]) => [output, value.exact]));
    const contenders: Contender[] = [];
    const running = tried(op.forms, device.capabilities);
    for (const form of running) {
      const kernels = { [op.name]: form.name };
      const { dispatches } = device.plan(call, {}, { kernels });
      if (!dispatches.some((d) => d.op === op.name && d.form === form.name)) continue;
      const compile = (fn: () => Tensors) => device.compile(fn, { kernels });
      contenders.push(new Contender(form.name, isPlain(form, device.capabilities), call, compile, expected));
    }
    for (const contender of contenders) {
      device.releaseActivations(); // what the last one left there could pass for values of one that writes too little
      await contender.prepare();
    }
    await race(contenders.filter((c) => c.right));
    for (const contender of contenders) await contender.check();
    const spread = Math.max(1, ...contenders.map((c) => c.spread));
    const forms = contenders.map((c) => ({
      name: c.name,
      plain: c.plain,
      ms: c.right ? c.best : Number.POSITIVE_INFINITY,
      error: c.error,
    }));
    for (const contender of contenders) contender.release();
    const runs = running.map((form) => ({ name: form.name, plain: isPlain(form, device.capabilities) }));
    return { op: op.name, name, runs, forms, spread };
  } finally {
    device.release(Object.values(inputs));
    device.releaseActivations();
  }
}

function isPlain({ runsOn }: Form<unknown>, { software }: Capabilities): boolean {
  return runsOn?.({ ...leastCapabilities, software }) ?? true;
}

async function race(contenders: readonly Contender[]): Promise<void> {
  for (let i = 0; i < MEDIANS; i++) {
    const best = Math.min(...contenders.map((c) => c.best));
    const running = contenders.filter((c) => c.best <= HOPELESS * best);
    const samples = new Map(running.map((c) => [c, [] as number[]]));
    for (let round = 0; round < SAMPLES; round++)
      for (const contender of running) samples.get(contender)!.push(await contender.sample());
    for (const [contender, times] of samples) contender.medians.push(median(times));
  }
}

/** One form of the op, compiled twice: once to look at its values, once to repeat the call for as long as a sample lasts. */
class Contender {
  readonly name: string;
  readonly plain: boolean;
  /** Milliseconds a call. */
  readonly medians: number[] = [];
  error = 0;
  #call: () => Tensors;
  #compile: (fn: () => Tensors) => Compiled;
  #expected: ReadonlyMap<string, Numbers>;
  #whole: Compiled;
  #timed: Compiled;
  #repeats = 1;

  constructor(
    name: string,
    plain: boolean,
    call: () => Tensors,
    compile: (fn: () => Tensors) => Compiled,
    expected: ReadonlyMap<string, Numbers>,
  ) {
    this.name = name;
    this.plain = plain;
    this.#call = call;
    this.#compile = compile;
    this.#expected = expected;
    this.#whole = compile(call);
    this.#timed = compile(() => repeated(call, 1));
  }

  /** The best median so far. */
  get best(): number {
    return Math.min(...this.medians);
  }

  get spread(): number {
    return this.medians.length > 0 ? Math.max(...this.medians) / this.best : 1;
  }

  get right(): boolean {
    return this.error <= TOLERANCE;
  }

  /** Compiles, checks, and finds how often to repeat the call. */
  async prepare(): Promise<void> {
    await this.check();
    if (!this.right) return;
    await this.sample(); // drivers compile in the first replay
    const once = Math.min(await this.sample(), await this.sample());
    const bytes = [...this.#expected.values()].reduce((sum, values) => sum + bytesOf(values.length, 'f32'), 0);
    const most = Math.min(MOST_REPEATS, Math.floor(MOST_BYTES / bytes));
    this.#repeats = Math.max(1, Math.min(most, Math.round(SAMPLE_MS / once)));
    this.#timed.release();
    this.#timed = this.#compile(() => repeated(this.#call, this.#repeats));
    await this.sample();
  }

  async check(): Promise<void> {
    for (const [name, output] of Object.entries(await this.#whole({})))
      this.error = Math.max(this.error, relativeError(await output.read(), this.#expected.get(name)!));
  }

  /** Milliseconds a call. */
  async sample(): Promise<number> {
    const since = performance.now();
    await (await this.#timed({})).y0!.read();
    return (performance.now() - since) / this.#repeats;
  }

  release(): void {
    this.#whole.release();
    this.#timed.release();
  }
}

/** The call so many times; of each only one number leaves the device, which is enough for it to be made. */
function repeated(call: () => Tensors, times: number): Tensors {
  const calls = Array.from({ length: times }, (_, i) => [`y${i}`, part(Object.values(call())[0]!, 0, [1])] as const);
  return Object.fromEntries(calls);
}

/** Tensors that stay on the device, so that no sample waits for an upload. */
async function inputsOf({ inputs, after }: TuneCase, twin: Twin): Promise<Tensors> {
  const tensors: Tensors = {};
  if (after) {
    Object.assign(tensors, await inputsOf(after, twin));
    const before = { ...tensors };
    const given = await twin.compile(() => currentTape().push(after.op, before, after.attrs))({});
    for (const [name, { shape, exact }] of Object.entries(given)) {
      const init = () => new Float32Array(exact);
      tensors[name] = new Tensor({ kind: 'state', name, shape, init });
    }
  }
  for (const [name, spec] of Object.entries(inputs)) tensors[name] = drawn(name, spec, Object.keys(tensors).length);
  return tensors;
}

function drawn(name: string, spec: TuneCase['inputs'][string], stream: number): Tensor {
  if (!('below' in spec)) {
    const init = () => normal(sizeOf(spec), 1, 1, stream);
    return new Tensor({ kind: 'state', name, shape: spec, init });
  }
  const { shape, below } = spec;
  const init = () => Int32Array.from({ length: sizeOf(shape) }, (_, i) => randomBits(1, stream, i) % below);
  return new Tensor({ kind: 'state', name, shape, dtype: 'i32', init });
}

function relativeError(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [largest, worst] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const error = Math.abs(got[i]! - expected[i]!);
    worst = error <= worst ? worst : Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst === 0 ? 0 : worst / largest;
}
