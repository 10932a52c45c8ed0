/** What is kept of texts that are too long, before special tokens stand around it. */
import { ArgumentError } from '../../core/errors.ts';

/** Which of two texts is cut: the longer one, until both are equally long and both are; or the first, or the second, alone. */
export type Truncation = 'longest_first' | 'only_first' | 'only_second';
/** The end of a text that is cut, or filled up. */
export type Side = 'right' | 'left';

/** How many tokens of each text are kept, as `transformers` counts. @param room for both */
export function keptLengths(lengths: readonly number[], room: number, truncation: Truncation): readonly number[] {
  const excess = lengths.reduce((a, b) => a + b, 0) - room;
  if (excess <= 0) return lengths;
  if (truncation !== 'longest_first') {
    const at = truncation === 'only_first' ? 0 : 1;
    const length = lengths[at];
    const name = at === 0 ? 'first' : 'second';
    if (length === undefined)
      throw new ArgumentError(`encode: truncation '${truncation}' needs a second text: pass pair.`);
    if (length <= excess) {
      throw new ArgumentError(
        `encode: ${excess} tokens are too many, but the ${name} text has ${length}, and truncation '${truncation}' cuts no other. ` +
          'Raise maxLength.',
      );
    }
    return lengths.with(at, length - excess);
  }
  if (lengths.length === 1) return [room];
  const short = Math.min(...lengths);
  const long = short > room ? short : Math.max(short, room - short);
  const half = Math.floor(room / 2);
  const [a, b] = short + long > room ? [half, half + (room % 2)] : [short, long];
  return lengths[0]! > lengths[1]! ? [b, a] : [a, b];
}

/** The ranges [start, end) of windows of `size` tokens over `length`, each `stride` tokens into the one before. */
export function windows(
  length: number,
  size: number,
  stride: number,
  side: Side,
): readonly (readonly [number, number])[] {
  if (size >= length) return [[0, length]];
  const out: (readonly [number, number])[] = [];
  for (let done = 0; ; done += size - stride) {
    const end = Math.min(done + size, length);
    out.push(side === 'right' ? [done, end] : [length - end, length - done]);
    if (end === length) return out;
  }
}
