/** Texts by their beginnings: an open-addressed table of the edges, which takes little memory for hundreds of thousands of texts. */
export class Trie {
  #nodes = 1;
  #edges = 0;
  #from: Int32Array = new Int32Array(1 << 10);
  #unit: Uint16Array = new Uint16Array(1 << 10);
  /** The node that an edge leads to; 0 for none, since none leads to the root. */
  #to: Int32Array = new Int32Array(1 << 10);
  /** What a text that ends at the node stands for; -1 for none. */
  readonly #values: number[] = [-1];

  /** @param value 0 or more */
  add(text: string, value: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      let slot = this.#slot(node, text.charCodeAt(i));
      if (!this.#to[slot]) {
        if (2 * ++this.#edges > this.#to.length) {
          this.#grow();
          slot = this.#slot(node, text.charCodeAt(i));
        }
        this.#from[slot] = node;
        this.#unit[slot] = text.charCodeAt(i);
        this.#to[slot] = this.#nodes++;
        this.#values.push(-1);
      }
      node = this.#to[slot]!;
    }
    this.#values[node] = value;
  }

  /** Calls `found` with each text that `text` has at `start`, the shortest first: its value and where it ends. */
  prefixes(text: string, start: number, found: (value: number, end: number) => void): void {
    let node = 0;
    for (let i = start; i < text.length; ) {
      node = this.#to[this.#slot(node, text.charCodeAt(i++))]!;
      if (!node) return;
      if (this.#values[node]! >= 0) found(this.#values[node]!, i);
    }
  }

  #slot(node: number, unit: number): number {
    const mask = this.#to.length - 1;
    let slot = Math.imul(node ^ Math.imul(unit, 0x9e3779b1), 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & mask;
    while (this.#to[slot] && (this.#from[slot] !== node || this.#unit[slot] !== unit)) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [from, unit, to] = [this.#from, this.#unit, this.#to];
    this.#from = new Int32Array(2 * to.length);
    this.#unit = new Uint16Array(2 * to.length);
    this.#to = new Int32Array(2 * to.length);
    for (let old = 0; old < to.length; old++) {
      if (!to[old]) continue;
      const slot = this.#slot(from[old]!, unit[old]!);
      this.#from[slot] = from[old]!;
      this.#unit[slot] = unit[old]!;
      this.#to[slot] = to[old]!;
    }
  }
}
