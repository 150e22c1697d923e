// The second half of training a byte-level BPE: merges from the counts of pieces (Sennrich et al. 2016, algorithm 1). The plain
// way counts all pairs anew for every merge; here each pair knows its count and where it stands, a merge changes only its
// neighbours, and a heap gives the next pair.
import { InputError } from '../errors.ts';
import { GPT2_BYTES, type MergePair } from './bpe.ts';
import { byteString } from './byte_level.ts';

/** A pair that occurs once teaches nothing: learning ends before it. */
export const LEAST_COUNT = 2;

export interface LearnedMerge {
  readonly pair: MergePair;
  /** How often the pair occurred when it was merged. */
  readonly count: number;
}

/**
 * The merges, one after another, until no pair occurs twice. Each is the pair of neighbouring tokens inside pieces that occurs
 * most often, every occurrence of a piece counting; of pairs that occur equally often the greatest, comparing the left token's
 * bytes, then the right one's, as byte strings (max over (count, (left, right)), the rule of the classic minimal trainers). All
 * of its occurrences become one token, from the left. Equal counts give equal merges, in whatever order the pieces come.
 */
export function* learnMerges(counts: ReadonlyMap<string, number>): Generator<LearnedMerge> {
  const learning = new Learning(counts);
  for (let merge = learning.next(); merge; merge = learning.next()) yield merge;
}

/**
 * The first merges of `learnMerges`, as many as a vocabulary has room for beside the bytes and special tokens; fewer where no more
 * pairs occur twice.
 * @throws InputError for a size without room for those
 */
export function* mergesFor(
  counts: ReadonlyMap<string, number>,
  { vocabSize, special }: { vocabSize: number; special: readonly string[] },
): Generator<MergePair> {
  let left = vocabSize - GPT2_BYTES.length - special.length;
  if (!(left >= 0))
    throw new InputError(
      `vocabulary: found ${vocabSize} tokens, expected at least ${GPT2_BYTES.length + special.length}: ${GPT2_BYTES.length} bytes and ${special.length} special tokens.`,
    );
  if (left === 0) return;
  for (const { pair } of learnMerges(counts)) {
    yield pair;
    if (--left === 0) return;
  }
}

/** A pair of neighbouring tokens. It is created with its left or right token, and never comes back once it is gone. */
interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** The count under which it stands in the heap: never below `count`, and corrected when it comes out. */
  queued: number;
  /** Places of the left token, ascending; a place that has changed since is passed over. */
  readonly at: number[];
}

class Learning {
  /** Bytes of each token, as code units 0..255. */
  readonly #tokens: string[] = [...GPT2_BYTES];
  /** Pairs by left and right token. */
  readonly #pairs: Map<number, Pair>[] = GPT2_BYTES.map(() => new Map());
  readonly #heap: PairHeap;
  // All different pieces one behind the other, a place a byte. A token's place is that of its first byte.
  /** Token that begins at a place, -1 inside one. */
  readonly #tokenAt: Int32Array;
  /** By the place of a token's last byte: where that token begins. */
  readonly #startOf: Int32Array;
  readonly #pieceAt: Int32Array;
  /** How often each piece occurs. */
  readonly #counts: Float64Array;

  constructor(counts: ReadonlyMap<string, number>) {
    const pieces = Array.from(counts.keys(), byteString);
    this.#counts = Float64Array.from(counts.values());
    const places = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#tokenAt = new Int32Array(places);
    this.#startOf = Int32Array.from({ length: places }, (_, i) => i);
    this.#pieceAt = new Int32Array(places);
    const idOfByte = new Int32Array(256);
    GPT2_BYTES.forEach((byte, id) => {
      idOfByte[byte.charCodeAt(0)] = id;
    });
    let place = 0;
    pieces.forEach((piece, number) => {
      for (let i = 0; i < piece.length; i++, place++) {
        const token = idOfByte[piece.charCodeAt(i)]!;
        this.#tokenAt[place] = token;
        this.#pieceAt[place] = number;
        if (i > 0) this.#add(this.#tokenAt[place - 1]!, token, place - 1);
      }
    });
    this.#heap = new PairHeap(this.#tokens);
    for (const pairs of this.#pairs) for (const pair of pairs.values()) this.#queue(pair);
  }

  /** Makes the next merge; undefined when no pair is left that occurs often enough. */
  next(): LearnedMerge | undefined {
    for (let best = this.#heap.pop(); best; best = this.#heap.pop()) {
      if (best.count !== best.queued) this.#queue(best);
      else {
        const pair = [this.#tokens[best.left]!, this.#tokens[best.right]!] as const;
        const { count } = best; // the merge itself counts it down
        this.#merge(best);
        return { pair, count };
      }
    }
    return undefined;
  }

  #merge({ left, right, at }: Pair): void {
    const made = this.#tokens.length;
    const leftLength = this.#tokens[left]!.length;
    const length = leftLength + this.#tokens[right]!.length;
    this.#tokens.push(this.#tokens[left]! + this.#tokens[right]!);
    this.#pairs.push(new Map());
    const [tokenAt, startOf, pieceAt] = [this.#tokenAt, this.#startOf, this.#pieceAt];
    const created: Pair[] = [];
    const add = (first: number, then: number, place: number) => {
      const pair = this.#add(first, then, place);
      if (pair.at.length === 1) created.push(pair);
    };
    for (const place of at) {
      const second = place + leftLength;
      if (tokenAt[place] !== left || tokenAt[second] !== right) continue;
      const piece = pieceAt[place]!;
      if (pieceAt[place - 1] === piece) {
        const before = startOf[place - 1]!;
        const neighbour = tokenAt[before]!;
        this.#drop(neighbour, left, piece);
        add(neighbour, made, before);
      }
      const after = place + length;
      if (pieceAt[after] === piece) {
        const neighbour = tokenAt[after]!;
        this.#drop(right, neighbour, piece);
        add(made, neighbour, place);
      }
      tokenAt[place] = made;
      tokenAt[second] = -1;
      startOf[after - 1] = place;
    }
    this.#pairs[left]!.delete(right);
    for (const pair of created) this.#queue(pair);
  }

  /** One more place of a pair. */
  #add(left: number, right: number, place: number): Pair {
    const pairs = this.#pairs[left]!;
    let pair = pairs.get(right);
    if (!pair) {
      pair = { left, right, count: 0, queued: 0, at: [] };
      pairs.set(right, pair);
    }
    pair.count += this.#counts[this.#pieceAt[place]!]!;
    pair.at.push(place);
    return pair;
  }

  /** One place less, in a piece. */
  #drop(left: number, right: number, piece: number): void {
    const pair = this.#pairs[left]!.get(right); // none where it is too rare to be followed
    if (pair) pair.count -= this.#counts[piece]!;
  }

  /** Puts a pair on the heap, or forgets it when it is too rare: it can only become rarer. */
  #queue(pair: Pair): void {
    if (pair.count < LEAST_COUNT) {
      this.#pairs[pair.left]!.delete(pair.right);
      return;
    }
    pair.queued = pair.count;
    this.#heap.push(pair);
  }
}

/** The greatest pair first: by the count it was queued with, then by its tokens' bytes. */
class PairHeap {
  readonly #heap: Pair[] = [];
  readonly #tokens: readonly string[];

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  push(pair: Pair): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#greater(pair, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = pair;
  }

  pop(): Pair | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#greater(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#greater(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }

  #greater(a: Pair, b: Pair): boolean {
    if (a.queued !== b.queued) return a.queued > b.queued;
    const [left, right] = [this.#tokens[a.left]!, this.#tokens[b.left]!];
    // Code units are bytes here, so that strings compare as byte strings do.
    return left === right ? this.#tokens[a.right]! > this.#tokens[b.right]! : left > right;
  }
}
