/** Encodings of one length. */
import { check, oneOf, whole } from '../../core/check.ts';
import { ArgumentError } from '../../core/errors.ts';
import type { Encoding } from './encoding.ts';
import type { Side } from './truncate.ts';

/** How long encodings become, and where. */
export interface PadOptions {
  /** Tokens of each; those of the longest by default. */
  readonly length?: number;
  /** The length is a multiple of this. */
  readonly multipleOf?: number;
  /** The length is the first of these that is enough; beyond the last, that of the longest. So few lengths occur, and few plans. */
  readonly buckets?: readonly number[];
  /** Where padding goes; by default where tokenizer_config.json says, `right` if it does not. */
  readonly side?: Side;
}

/** The token that fills up. */
export interface Padding {
  readonly id: number;
  readonly token: string;
  readonly typeId: number;
}

/** The length that all of `encodings` fit in. */
export function paddedLength(encodings: readonly Encoding[], options: PadOptions): number {
  const { length, multipleOf = 1, buckets = [] } = options;
  check('pad', 'multipleOf', multipleOf, whole(1));
  const longest = encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  if (length !== undefined && check('pad', 'length', length, whole(1)) < longest) {
    throw new ArgumentError(
      `pad: length is ${length}, but an encoding has ${longest} tokens. Encode with maxLength: ${length}.`,
    );
  }
  const least = length ?? buckets.toSorted((a, b) => a - b).find((bucket) => bucket >= longest) ?? longest;
  return Math.ceil(least / multipleOf) * multipleOf;
}

/** `encoding`, and its windows, filled up to `length` tokens. */
export function padded(encoding: Encoding, length: number, side: Side, { id, token, typeId }: Padding): Encoding {
  check('pad', 'side', side, oneOf('right', 'left'));
  const overflow = encoding.overflow.map((one) => padded(one, length, side, { id, token, typeId }));
  const missing = length - encoding.ids.length;
  if (missing <= 0) return { ...encoding, overflow };
  const fill = <T>(list: readonly T[], by: T): readonly T[] => {
    const padding = new Array<T>(missing).fill(by);
    return side === 'right' ? [...list, ...padding] : [...padding, ...list];
  };
  return {
    ids: fill(encoding.ids, id),
    tokens: fill(encoding.tokens, token),
    typeIds: fill(encoding.typeIds, typeId),
    mask: fill(encoding.mask, 0),
    specialMask: fill(encoding.specialMask, 1),
    offsets: fill(encoding.offsets, [0, 0] as const),
    words: fill(encoding.words, null),
    sequences: fill(encoding.sequences, null),
    overflow,
  };
}
