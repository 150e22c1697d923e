// The receipt of a run: what shows that another run is the same, small enough for a link. Pure: it is written, read and compared here.
import { Sha256 } from '../src/checkpoint/hash.ts';
import { InputError } from '../src/errors.ts';
import type { News } from './protocol.ts';
import {
  bandAt,
  COMPARED,
  type Difference,
  differenceText,
  firstDifference,
  firstOutside,
  largestDifference,
} from './same_losses.ts';

export interface Receipt {
  /** Of the first steps, at most 20, as float32. */
  losses: readonly number[];
  /** Of all parameters at the end: 64 hex digits, as the data's. */
  parameterHash: string;
  dataHash: string;
  /** Of the table of kernels: 16 hex digits. */
  kernels: string;
  adapter: string;
  /** The program's. */
  version: string;
}

/** The layout: its number, the number of losses, these, hashes, and two texts with their lengths before them. */
const LAYOUT = 1;
const HASHES = [32, 32, 8] as const;
const LONGEST_TEXT = 80;

/** Hex digits that stand for a table of kernels, whatever order it is in. */
export function kernelsHash(table: Readonly<Record<string, string>>): string {
  const lines = Object.entries(table).map(([op, form]) => `${op} ${form}\n`);
  return new Sha256()
    .update(new TextEncoder().encode(lines.sort().join('')))
    .hex()
    .slice(0, 16);
}

/** base64url, without padding. */
export function writeReceipt({ losses, parameterHash, dataHash, kernels, adapter, version }: Receipt): string {
  const bytes: number[] = [LAYOUT, losses.length];
  bytes.push(...new Uint8Array(Float32Array.from(losses).buffer));
  for (const hex of [parameterHash, dataHash, kernels])
    bytes.push(...hex.match(/../g)!.map((pair) => Number.parseInt(pair, 16)));
  for (const text of [adapter, version]) {
    const encoded = new TextEncoder().encode(text).slice(0, LONGEST_TEXT);
    bytes.push(encoded.length, ...encoded);
  }
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** @throws InputError for what `writeReceipt` has not written */
export function readReceipt(text: string): Receipt {
  const bytes = bytesOf(text);
  let at = 0;
  const take = (length: number) => {
    if (at + length > bytes.length) throw refusal('one that is cut off');
    at += length;
    return bytes.slice(at - length, at);
  };
  const byte = () => take(1)[0]!;
  const layout = byte();
  if (layout !== LAYOUT) throw refusal(`layout ${layout}`);
  const count = byte();
  if (count < 1 || count > COMPARED) throw refusal(`${count} losses`);
  const losses = Array.from(new Float32Array(take(4 * count).buffer));
  if (!losses.every(Number.isFinite)) throw refusal('a loss that is no number');
  const [parameterHash, dataHash, kernels] = HASHES.map((length) => hex(take(length))) as [string, string, string];
  const [adapter, version] = [string(), string()];
  if (at < bytes.length) throw refusal(`${bytes.length - at} bytes too many`);
  return { losses, parameterHash, dataHash, kernels, adapter, version };

  function string(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(take(byte()));
    } catch (error) {
      throw error instanceof InputError ? error : refusal('a name that is no text');
    }
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw refusal('characters that none has');
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    throw refusal('one that is cut off');
  }
}

function refusal(found: string): InputError {
  return new InputError(`receipt: found ${found}, expected what "Copy receipt" gave; left out.`);
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export type Verdict = Omit<Extract<News, { type: 'replay' }>, 'type'>;

/** Where a run computes that is held to a receipt. */
export type Here = Pick<Receipt, 'adapter' | 'kernels' | 'version'>;

/** Holds a run to a receipt as it goes. */
export class Replay {
  readonly #receipt: Receipt;
  /** Why its bits may be others; null where they must be the same. */
  readonly #other: string | null;
  readonly #losses: number[] = [];
  #last: Verdict;

  constructor(receipt: Receipt, here: Here) {
    this.#receipt = receipt;
    this.#other = whyOther(receipt, here);
    const how =
      this.#other === null
        ? 'it has to be the same to the last bit'
        : `${this.#other}, so it has to stay within a band`;
    this.#last = { verdict: 'running', sentence: `This run is held to the receipt in its link: ${how}.` };
  }

  /** What is known so far. */
  get last(): Verdict {
    return this.#last;
  }

  /** @returns what is known now and was not before, or null */
  step(step: number, loss: number): Verdict | null {
    const { losses } = this.#receipt;
    if (step > losses.length || this.#last.verdict !== 'running') return null;
    this.#losses[step - 1] = loss;
    // A step that is repeated after a loss of the device is told again.
    this.#losses.length = step;
    const found = this.#other === null ? this.#parted() : this.#outside();
    if (found) return (this.#last = found);
    if (step < losses.length) return null;
    return (this.#last = this.#other === null ? this.#same() : this.#inside());
  }

  /** The run is over. */
  end(parameterHash: string): Verdict | null {
    const { verdict, sentence } = this.#last;
    const same = parameterHash === this.#receipt.parameterHash;
    if (verdict === 'inside') {
      const hash = same ? 'is the same' : 'is another one, as it may be there';
      return (this.#last = { verdict, sentence: `${sentence} The parameter hash at the end ${hash}.` });
    }
    if (verdict !== 'same') return null;
    const [here, there] = [parameterHash, this.#receipt.parameterHash].map((hash) => hash.slice(0, 8));
    return (this.#last = same
      ? { verdict, sentence: `same to the last bit: the first losses, and all parameters at the end (hash ${here}).` }
      : {
          verdict: 'parts',
          sentence: `parts after step ${this.#receipt.losses.length}: the first losses are the same to the last bit, the parameter hash at the end is ${here}, not ${there}.`,
        });
  }

  #parted(): Verdict | null {
    const found = firstDifference(this.#receipt.losses, this.#losses);
    return found && { verdict: 'parts', sentence: `parts at ${stepText(found)}.` };
  }

  #same(): Verdict {
    const { length } = this.#receipt.losses;
    return {
      verdict: 'same',
      sentence: `same to the last bit: the losses of the first ${length} steps. The parameters follow at the end.`,
    };
  }

  #outside(): Verdict | null {
    const found = firstOutside(this.#receipt.losses, this.#losses);
    if (!found) return null;
    const band = differenceText(bandAt(found.step, this.#receipt.losses[found.step - 1]!));
    return {
      verdict: 'outside',
      sentence: `outside the band at ${stepText(found)}, which is ${band} wide there; ${this.#other}.`,
    };
  }

  #inside(): Verdict {
    const { losses } = this.#receipt;
    const [first, last] = [1, losses.length].map((step) => differenceText(bandAt(step, losses[step - 1]!)));
    const most = stepText(largestDifference(losses, this.#losses));
    const sentence = `inside the band of float32 rounding, which is ${first} wide at step 1 and ${last} at step ${losses.length}: the largest difference is at ${most}; ${this.#other}.`;
    return { verdict: 'inside', sentence };
  }
}

/** `step 12 (4.0e-7)` */
const stepText = ({ step, difference }: Difference) => `step ${step} (${differenceText(difference)})`;

function whyOther(receipt: Receipt, here: Here): string | null {
  if (receipt.adapter !== here.adapter) return `the receipt is of ${receipt.adapter}, this is ${here.adapter}`;
  if (receipt.kernels !== here.kernels) return 'the receipt is of other kernels on this kind of adapter';
  if (receipt.version !== here.version) return `the receipt is of version ${receipt.version}, this is ${here.version}`;
  return null;
}
