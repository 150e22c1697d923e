// What of a text comes when: whole numbers by chance, and orders, each a pure function of a seed and of counters.
import { randomBits } from '../tensor/random.ts';

/** A whole number below n: 53 random bits modulo n, whose bias is under n / 2^53. */
export function randomBelow(n: number, seed: number, step: number, row: number): number {
  const high = randomBits(seed, step, 2 * row);
  const low = randomBits(seed, step, 2 * row + 1);
  return (high * 2 ** 21 + (low >>> 11)) % n;
}

const ROUNDS = 8;
/** A stream of the run's seed of its own, away from those of weights and dropout. */
const STREAM = 0x73747264;

/**
 * Where index i of 0..n-1 goes in this epoch's order: a permutation that needs no table. A Feistel network permutes the
 * smallest square power of two that holds n (Luby and Rackoff 1988); indices that land outside are sent through again
 * until they land inside (cycle walking, Black and Rogaway 2002).
 */
export function shuffled(i: number, n: number, seed: number, epoch: number): number {
  let half = 1;
  while (2 ** (2 * half) < n) half++;
  const size = 2 ** half;
  let at = i;
  do {
    let left = Math.floor(at / size);
    let right = at % size;
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = left ^ (randomBits(seed ^ STREAM, epoch * ROUNDS + round, right) >>> (32 - half));
      left = right;
      right = mixed >>> 0;
    }
    at = left * size + right;
  } while (at >= n);
  return at;
}
