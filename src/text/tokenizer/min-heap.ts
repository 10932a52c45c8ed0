/** A binary heap of numbers by their keys. */
export class MinHeap {
  readonly #keys: number[] = [];
  readonly #values: number[] = [];

  push(key: number, value: number): void {
    const [keys, values] = [this.#keys, this.#values];
    let at = keys.length;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[at] = keys[parent]!;
      values[at] = values[parent]!;
      at = parent;
    }
    keys[at] = key;
    values[at] = value;
  }

  /** The entry with the least key; undefined if there is none. */
  pop(): { readonly key: number; readonly value: number } | undefined {
    const [keys, values] = [this.#keys, this.#values];
    if (keys.length === 0) return undefined;
    const top = { key: keys[0]!, value: values[0]! };
    const key = keys.pop()!;
    const value = values.pop()!;
    const size = keys.length;
    for (let at = 0; at < size; ) {
      let child = 2 * at + 1;
      if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
      if (child >= size || keys[child]! >= key) {
        keys[at] = key;
        values[at] = value;
        break;
      }
      keys[at] = keys[child]!;
      values[at] = values[child]!;
      at = child;
    }
    return top;
  }
}
