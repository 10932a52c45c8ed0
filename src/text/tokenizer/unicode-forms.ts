/** Unicode's normalisation forms, with where each character came from. */
import type { AlignedText, Change } from './aligned-text.ts';

export type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** A character and its change. */
type Part = readonly [character: string, change: number];

/** `text` in a form. A character that is composed comes from where its first part came from. */
export function inForm(source: AlignedText, form: Form): AlignedText {
  const { text } = source;
  const whole = text.normalize(form);
  if (whole === text) return source;
  const decomposing: Form = form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD';
  const parts: Part[] = [];
  for (const character of text) {
    let change = 0;
    for (const part of character.normalize(decomposing)) parts.push([part, change++ === 0 ? 0 : 1]);
  }
  // Marks are sorted by class. Equal characters keep their order, so each is the first of its kind that is left.
  const ordered = claimed(text.normalize(decomposing), parts);
  return source.transform(form === decomposing ? ordered : composed(whole, ordered));
}

function* claimed(text: string, parts: readonly Part[]): Generator<Part> {
  const claims = new Claims(parts);
  for (const character of text) yield [character, claims.take(character)];
}

function* composed(text: string, parts: Iterable<Part>): Generator<Change> {
  const claims = new Claims([...parts]);
  for (const character of text) {
    let change = 1;
    for (const part of character.normalize('NFD')) change += claims.take(part) - 1;
    yield [character, change];
  }
}

/** Parts that are taken one by one. */
class Claims {
  /** The changes of each character's parts, and how many of them are taken. */
  readonly #changes = new Map<string, { taken: number; readonly changes: number[] }>();

  constructor(parts: readonly Part[]) {
    for (const [character, change] of parts) {
      const queue = this.#changes.get(character);
      if (queue) queue.changes.push(change);
      else this.#changes.set(character, { taken: 0, changes: [change] });
    }
  }

  /** The change of the first part that is left and is `character`. */
  take(character: string): number {
    const queue = this.#changes.get(character);
    return queue?.changes[queue.taken++] ?? 0;
  }
}
