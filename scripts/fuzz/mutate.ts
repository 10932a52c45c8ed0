/** How files are damaged: a plan drawn by fast-check says what and where in fractions, so that it fits a file of any size. */
import fc from 'fast-check';

/** One change. Which of its fields matter depends on `kind`; places are fractions of whatever is changed. */
export interface Edit {
  readonly kind:
    | 'flip'
    | 'set'
    | 'integer'
    | 'nudge'
    | 'number'
    | 'truncate'
    | 'extend'
    | 'remove'
    | 'copy'
    | 'swap'
    | 'graft';
  readonly at: number;
  readonly from: number;
  readonly length: number;
  readonly byte: number;
  readonly width: 1 | 2 | 4 | 8;
  readonly bigEndian: boolean;
  readonly value: bigint;
  readonly json: fc.JsonValue;
}

/** Bytes that mean much to some format: opcodes, tags, brackets, letters of HDF5's signatures. */
const TELLING = [0, 1, 0x7f, 0x80, 0xff, ...Buffer.from('().0RbcegjhijloqrtuQ}]{["\\,:-9eTSHOVn*2:JB')];
/** Around what a signed or unsigned field of each width can hold, and what a number is exact to. */
const EDGES = [0n, 1n, 1n << 7n, 1n << 8n, 1n << 15n, 1n << 16n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 63n, 1n << 64n];
const NUMBERS = [
  '-1',
  '0',
  '1',
  '1.5',
  '1e309',
  '4294967296',
  '9007199254740993',
  '1e15',
  '99999999999999999999',
  'null',
];

/** Fractions of which each is as likely as any other: doubles drawn as such lie near 0 for the most part. */
export const unit = fc.noBias(fc.nat(2 ** 32 - 1)).map((n) => n / 2 ** 32);
const nearEdge = fc.tuple(fc.constantFrom(...EDGES), fc.bigInt(-2n, 2n)).map(([edge, by]) => edge + by);

export const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom<Edit['kind'][]>(
    ...([
      'flip',
      'set',
      'set',
      'integer',
      'integer',
      'nudge',
      'nudge',
      'number',
      'remove',
      'copy',
      'copy',
      'swap',
    ] as const),
    ...(['truncate', 'extend', 'graft'] as const),
  ),
  at: unit,
  from: unit,
  length: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 4096 })),
  byte: fc.oneof(fc.constantFrom(...TELLING), fc.integer({ min: 0, max: 255 })),
  width: fc.constantFrom(1, 2, 4, 8),
  bigEndian: fc.boolean(),
  value: fc.oneof(nearEdge, fc.bigInt(-16n, 16n)),
  json: fc.jsonValue({ maxDepth: 3 }),
});

/** What an edit of bytes needs to know about them. */
export interface Terrain {
  /** Where edits may go, in order; all of the bytes where it is absent. */
  readonly places?: ArrayLike<number>;
  /** Bytes of other files of the format, to graft from. */
  readonly donor: Uint8Array;
}

/** The bytes after one edit, which knows nothing of what they mean. */
export function editBytes(bytes: Uint8Array, one: Edit, { places, donor }: Terrain): Uint8Array {
  const p = places?.length ? places[Math.floor(one.at * places.length)]! : Math.floor(one.at * bytes.length);
  const q = Math.floor(one.from * bytes.length);
  const n = one.length;
  const [before, rest] = [bytes.subarray(0, p), bytes.subarray(p)];
  switch (one.kind) {
    case 'flip':
      return overwritten(bytes, p, [(bytes[p] ?? 0) ^ (1 << (one.byte & 7))]);
    case 'set':
      return overwritten(bytes, p, [one.byte]);
    case 'integer':
      return overwritten(bytes, p, fieldOf(nearSize(one, bytes.length, p), one));
    case 'nudge':
      return overwritten(bytes, p, fieldOf(fieldAt(bytes, p, one) + BigInt((one.byte % 9) - 4), one));
    case 'number':
      return editNumber(bytes, p, NUMBERS[one.byte % NUMBERS.length]!);
    case 'truncate':
      return before;
    case 'extend':
      return joined(bytes, new Uint8Array(n).fill(one.byte));
    case 'remove':
      return joined(before, rest.subarray(n));
    case 'copy':
      // Over what is there, or between it: a block that stands twice.
      return joined(before, bytes.subarray(q, q + n), one.bigEndian ? rest : rest.subarray(n));
    case 'swap': {
      const [low, high] = [Math.min(p, q), Math.max(p, q)];
      const m = Math.min(n, high - low);
      const [first, second] = [bytes.subarray(low, low + m), bytes.subarray(high, high + m)];
      return joined(bytes.subarray(0, low), second, bytes.subarray(low + m, high), first, bytes.subarray(high + m));
    }
    case 'graft': {
      const start = Math.floor(one.from * donor.length);
      return joined(before, donor.subarray(start, start + n), rest.subarray(n));
    }
  }
}

/** Bytes, or parts of them, one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** The edit's value, or one near what is left of the file: the lengths and offsets that almost fit. */
function nearSize({ value, byte }: Edit, size: number, at: number): bigint {
  return [value, value, BigInt(size) + value, BigInt(size - at) + value][byte & 3]!;
}

function fieldOf(value: bigint, { width, bigEndian }: Edit): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  const field = bytes.subarray(0, width);
  return bigEndian ? field.reverse() : field;
}

function fieldAt(bytes: Uint8Array, at: number, { width, bigEndian }: Edit): bigint {
  const field = bytes.slice(at, at + width);
  if (!bigEndian) field.reverse();
  return field.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
}

function overwritten(bytes: Uint8Array, at: number, values: ArrayLike<number>): Uint8Array {
  const out = bytes.slice();
  for (let i = 0; i < values.length && at + i < out.length; i++) out[at + i] = values[i]!;
  return out;
}

/** The first number spelled out after `at` becomes another one. */
function editNumber(bytes: Uint8Array, at: number, text: string): Uint8Array {
  const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
  let begin = at;
  while (begin < bytes.length && !isDigit(bytes[begin])) begin++;
  let end = begin;
  while (isDigit(bytes[end])) end++;
  return joined(bytes.subarray(0, begin), Buffer.from(text), bytes.subarray(end));
}
