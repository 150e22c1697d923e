// Byte-pair merging of one piece of text in time n log n: a linked list of parts, and a heap of the pairs that may merge.

/**
 * Ids of a piece: starting from single bytes, the neighbouring pair of lowest rank is merged, leftmost first, until none is left.
 * @param piece bytes as code units 0..255
 * @param ranks bytes of each token -> its id, which is also the rank of the merge that makes it; holds all single bytes used
 * @param below only tokens of lower rank may be made
 */
export function bytePairEncode(piece: string, ranks: ReadonlyMap<string, number>, below = Infinity): number[] {
  const n = piece.length;
  const whole = ranks.get(piece);
  if (whole !== undefined && whole < below) return [whole];
  // Parts are named by their first byte. end[i] is where part i ends, before[i] the part to the left.
  const end = Uint32Array.from({ length: n }, (_, i) => i + 1);
  const before = Int32Array.from({ length: n }, (_, i) => i - 1);
  const pairRank = new Float64Array(n).fill(Infinity); // rank of part i joined with the part to its right
  const heap: number[] = [];
  const look = (i: number) => {
    const middle = end[i]!;
    const rank = middle < n ? ranks.get(piece.slice(i, end[middle]!)) : undefined;
    pairRank[i] = rank !== undefined && rank < below ? rank : Infinity;
    if (pairRank[i] !== Infinity) pushHeap(heap, pairRank[i]! * POSITIONS + i);
  };
  for (let i = 0; i < n; i++) look(i);
  while (heap.length > 0) {
    const key = popHeap(heap);
    const i = key % POSITIONS;
    if (pairRank[i] !== (key - i) / POSITIONS) continue; // the pair changed since it was put on the heap
    const right = end[i]!;
    end[i] = end[right]!;
    pairRank[right] = Infinity;
    if (end[i]! < n) before[end[i]!] = i;
    look(i);
    if (before[i]! >= 0) look(before[i]!);
  }
  const ids: number[] = [];
  for (let i = 0; i < n; i = end[i]!) ids.push(ranks.get(piece.slice(i, end[i]!))!);
  return ids;
}

// A heap entry is rank * POSITIONS + position in one exact number, so that equal ranks come out leftmost first.
const POSITIONS = 2 ** 32;

function pushHeap(heap: number[], key: number): void {
  let at = heap.length;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= key) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = key;
}

function popHeap(heap: number[]): number {
  const top = heap[0]!;
  const key = heap.pop()!;
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= key) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = key;
  return top;
}
