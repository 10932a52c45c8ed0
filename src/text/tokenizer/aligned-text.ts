/** A text on its way through normalisation, which knows where each of its characters came from. */

/** A character and what becomes of the old text with it; or a run of characters that stay. */
export type Change = readonly [text: string, change: number | 'same'];

/**
 * A text, or a part of one. Each UTF-16 unit has the range of the original that it came from, in UTF-16 units of the original; both
 * halves of a surrogate pair have the pair's. Parts share the ranges of what they are parts of.
 */
export class AlignedText {
  readonly text: string;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Where `text` begins in the ranges. */
  readonly #at: number;
  /** Where this part begins in the original. */
  readonly origin: number;

  private constructor(text: string, starts: Int32Array, ends: Int32Array, at: number, origin: number) {
    this.text = text;
    this.#starts = starts;
    this.#ends = ends;
    this.#at = at;
    this.origin = origin;
  }

  /** A text as it was given. */
  static of(text: string): AlignedText {
    const starts = new Int32Array(text.length);
    const ends = new Int32Array(text.length);
    for (let i = 0; i < text.length; ) {
      const next = i + widthAt(text, i);
      for (let unit = i; unit < next; unit++) {
        starts[unit] = i;
        ends[unit] = next;
      }
      i = next;
    }
    return new AlignedText(text, starts, ends, 0, 0);
  }

  /** Where the unit begins in the original. */
  start(unit: number): number {
    return this.#starts[this.#at + unit]!;
  }

  /** Where the unit ends in the original. */
  end(unit: number): number {
    return this.#ends[this.#at + unit]!;
  }

  /** Units [start, end); not empty. */
  slice(start: number, end: number): AlignedText {
    if (start === 0 && end === this.text.length) return this;
    return new AlignedText(
      this.text.slice(start, end),
      this.#starts,
      this.#ends,
      this.#at + start,
      start < this.text.length ? this.start(start) : this.origin,
    );
  }

  /** Other characters in the same places: `text` is as long as this one. */
  with(text: string): AlignedText {
    return new AlignedText(text, this.#starts, this.#ends, this.#at, this.origin);
  }

  /** What `write` writes, aligned with this text. */
  rewrite(write: (to: Rewriting) => void): AlignedText {
    const to = new Rewriting(this.text.length);
    write(to);
    const units = to.units;
    const starts = new Int32Array(units.length);
    const ends = new Int32Array(units.length);
    for (let i = 0; i < units.length; i++) {
      const from = units[i]!;
      starts[i] = from < 0 ? this.origin : this.start(from);
      ends[i] = from < 0 ? this.origin : this.end(from);
    }
    return new AlignedText(to.text, starts, ends, 0, this.origin);
  }

  /** Only the characters that `keep` is true for. */
  filter(keep: (character: string) => boolean): AlignedText {
    return this.rewrite((to) => {
      for (let i = 0; i < this.text.length; ) {
        const c = characterAt(this.text, i);
        if (keep(c)) to.put(c, i);
        i += c.length;
      }
    });
  }

  /** Each character replaced by a text, all of which comes from where the character came from. */
  map(change: (character: string) => string): AlignedText {
    return this.rewrite((to) => {
      for (let i = 0; i < this.text.length; ) {
        const c = characterAt(this.text, i);
        to.put(change(c), i);
        i += c.length;
      }
    });
  }

  /** A text before this one, from where its first character came from. */
  prepend(text: string): AlignedText {
    if (this.text === '') return this;
    return this.rewrite((to) => {
      to.put(text, 0);
      to.copy(this.text, 0);
    });
  }

  /** Every match replaced by `content`, which comes from where the match's last character came from. */
  replace(pattern: RegExp, content: string): AlignedText {
    const matches = [...this.text.matchAll(pattern)];
    if (matches.length === 0) return this;
    return this.rewrite((to) => {
      let done = 0;
      for (const match of matches) {
        to.copy(this.text.slice(done, match.index), done);
        done = match.index + match[0].length;
        to.put(content, done - 1);
      }
      to.copy(this.text.slice(done), done);
    });
  }

  /**
   * New characters in order, each with its change: 0 replaces the next character, -n does so and drops n more, 1 is inserted and comes
   * from where the one before came from. `same` keeps as many characters as the text has, which are the next ones.
   * @param dropped characters at the beginning that nothing replaces
   */
  transform(changes: Iterable<Change>, dropped = 0): AlignedText {
    return this.rewrite((to) => {
      let next = 0;
      const skip = (characters: number) => {
        for (; characters > 0 && next < this.text.length; characters--) next += widthAt(this.text, next);
      };
      skip(dropped);
      for (const [character, change] of changes) {
        if (change === 'same') {
          to.copy(character, next);
          next += character.length;
          continue;
        }
        to.put(character, change > 0 || next >= this.text.length ? next - 1 : next);
        if (change <= 0) skip(1 - change);
      }
    });
  }
}

/** A new text in the making. */
export class Rewriting {
  #text: string[] = [];
  #units: Int32Array;
  #length = 0;

  constructor(capacity: number) {
    this.#units = new Int32Array(capacity + 16);
  }

  /** A text all of which comes from one unit of the old one; from its beginning where that is -1. */
  put(text: string, unit: number): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#units[this.#length++] = unit;
    this.#text.push(text);
  }

  /** A text that comes from as many units of the old one, from `unit` on. */
  copy(text: string, unit: number): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#units[this.#length++] = unit + i;
    this.#text.push(text);
  }

  #reserve(units: number): void {
    if (this.#length + units <= this.#units.length) return;
    const longer = new Int32Array(2 * (this.#length + units));
    longer.set(this.#units);
    this.#units = longer;
  }

  get text(): string {
    return this.#text.join('');
  }

  get units(): Int32Array {
    return this.#units.subarray(0, this.#length);
  }
}

/** Units of the character at `i`. */
export function widthAt(text: string, i: number): number {
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && i + 1 < text.length ? 2 : 1;
}

/** The character at `i`, a whole pair. */
export function characterAt(text: string, i: number): string {
  return widthAt(text, i) === 2 ? text.slice(i, i + 2) : text[i]!;
}
