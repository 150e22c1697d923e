// Ids of many texts in few large arrays: an array for each would take several times the room of its ids.

const BLOCK = 2 ** 16;

export class IdStore {
  #block = new Int32Array(0);
  #used = 0;

  /** The same ids, as a view of one of the arrays. */
  add(ids: ArrayLike<number>): Int32Array {
    if (this.#used + ids.length > this.#block.length) {
      this.#block = new Int32Array(Math.max(BLOCK, ids.length));
      this.#used = 0;
    }
    this.#block.set(ids, this.#used);
    return this.#block.subarray(this.#used, (this.#used += ids.length));
  }
}
