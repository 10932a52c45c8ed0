/** Edits of what bytes mean: JSON values, pickle opcodes, protobuf fields. What does not parse is edited as plain bytes. */
import type fc from 'fast-check';
import { type Edit, editBytes, joined, type Terrain } from './mutate.ts';

export type Grammar = 'bytes' | 'json' | 'pickle' | 'protobuf';

/** The bytes after one edit in their grammar. */
export function editIn(grammar: Grammar, bytes: Uint8Array, one: Edit, terrain: Terrain): Uint8Array {
  const edited =
    grammar === 'json'
      ? editJson(bytes, one)
      : grammar === 'pickle'
        ? editPickle(bytes, one)
        : grammar === 'protobuf'
          ? editProtobuf(bytes, one, 0)
          : undefined;
  return edited ?? editBytes(bytes, one, terrain);
}

const chosen = <T>(list: readonly T[], fraction: number): T => list[Math.floor(fraction * list.length)]!;

const JSON_VALUES: readonly fc.JsonValue[] = [
  ...[-1, 0, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, '', 'x', null, true, [], {}, [0], [2 ** 40, 2 ** 40]],
  ...[
    'F64',
    'float32',
    'uint8',
    'bool',
    '__proto__',
    'constructor',
    '../x',
    'a\u001b[2J\nb',
    { shape: [] },
    [[[[[[1]]]]]],
  ],
];

type Container = Record<string, fc.JsonValue>;

function editJson(bytes: Uint8Array, one: Edit): Uint8Array | undefined {
  let root: fc.JsonValue;
  try {
    root = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  const holder: Container = { root };
  const slots: [Container, string][] = [[holder, 'root']];
  // A loop, since an edit before this one may have nested thousands of lists.
  for (const [container, key] of slots) {
    const value = container[key];
    if (typeof value === 'object' && value !== null)
      for (const inside of Object.keys(value)) slots.push([value as Container, inside]);
  }
  if (one.kind === 'flip') return twice(Buffer.from(bytes).toString(), one);
  // A swap of a value with one inside it makes a circle, which is no JSON; what nests too deep can be neither copied nor written.
  try {
    edit(slots, one);
    return Buffer.from(JSON.stringify(holder.root) ?? '');
  } catch {
    return undefined;
  }
}

function edit(slots: readonly [Container, string][], one: Edit): void {
  const [parent, key] = chosen(slots, one.at);
  const [otherParent, otherKey] = chosen(slots, one.from);
  const other = structuredClone(otherParent[otherKey]!);
  if (one.kind === 'remove') delete parent[key];
  else if (one.kind === 'copy') parent[key] = other;
  else if (one.kind === 'swap') [parent[key], otherParent[otherKey]] = [other, parent[key]!];
  else if (one.kind === 'extend') parent[String(one.json)] = other;
  else if (one.kind === 'integer') parent[key] = Number(one.value);
  else if (one.kind === 'nudge' && typeof parent[key] === 'number') parent[key] += (one.byte % 9) - 4;
  else if (one.kind === 'graft') parent[key] = one.json;
  else parent[key] = structuredClone(JSON_VALUES[one.byte % JSON_VALUES.length]!);
}

/** JSON text in which an object has one key twice, or nests without end. */
function twice(text: string, { byte, json }: Edit): Uint8Array {
  if (byte & 1) return Buffer.from(text.replace(/"[^"]*":/, (key) => `${key}${JSON.stringify(json)},${key}`));
  return Buffer.from(text.replace(/[}\]]/, (end) => `${'['.repeat(20 * byte)}${']'.repeat(20 * byte)}${end}`));
}

/** Bytes of argument by opcode; `x` and a width for a count and as many bytes, `n` for lines. Others have none. */
const ARGUMENTS: Readonly<Record<string, number | 'x1' | 'x4' | 'x8' | 'n1' | 'n2'>> = {
  ...{ K: 1, h: 1, q: 1, '\x80': 1, M: 2, J: 4, r: 4, j: 4, G: 8, '\x95': 8 },
  ...{ '\x8c': 'x1', U: 'x1', C: 'x1', '\x8a': 'x1', X: 'x4', T: 'x4', B: 'x4', '\x8b': 'x4' },
  ...{ '\x8d': 'x8', '\x8e': 'x8', '\x96': 'x8', c: 'n2', i: 'n2', S: 'n1', V: 'n1', I: 'n1' },
};
const PICKLES = 5;
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
/** Opcodes that build, call, recall, name what must not run, and lie about lengths. */
const OPCODES: readonly Uint8Array[] = [
  ...[
    '(',
    '.',
    '0',
    '1',
    '2',
    ')',
    ']',
    '}',
    't',
    'l',
    'd',
    'a',
    'e',
    's',
    'u',
    'R',
    'b',
    'Q',
    'N',
    '\x81',
    '\x85',
    '\x86',
  ],
  ...[
    '\x87',
    '\x88',
    '\x8f',
    '\x90',
    '\x91',
    '\x93',
    '\x94',
    'h\x00',
    'h\x01',
    'j\xff\xff\xff\xff',
    'r\xff\xff\xff\xff',
  ],
  ...['cos\nsystem\n', 'cbuiltins\neval\n', 'ios\nsystem\n', 'ctorch.storage\n_load_from_bytes\n', 'c__main__\nx\n'],
  ...['cbuiltins\nset\n', 'ccollections\nOrderedDict\n', 'ctorch\nSize\n', 'cargparse\nNamespace\n', 'cnumpy\ndtype\n'],
  ...[
    'ctorch._utils\n_rebuild_tensor_v2\n',
    'ctorch\nDoubleStorage\n',
    'c_codecs\nencode\n',
    'cnumpy.core.multiarray\nscalar\n',
  ],
  ...['K\x00', 'K\xff', 'J\xff\xff\xff\xff', 'J\xff\xff\xff\x7f', 'X\x02\x00\x00\x00f8', 'X\x07\x00\x00\x00storage'],
  ...['\x8d\xff\xff\xff\xff\xff\xff\xff\xff', '\x8b\xff\xff\xff\x7f', 'G\x7f\xf8\x00\x00\x00\x00\x00\x00', 'C\x02ab'],
].map(latin1);

function editPickle(bytes: Uint8Array, one: Edit): Uint8Array | undefined {
  const { opcodes, end } = opcodesOf(bytes);
  if (opcodes.length === 0) return undefined;
  const at = Math.floor(one.at * opcodes.length);
  const from = Math.floor(one.from * opcodes.length);
  const opcode = opcodes[at]!;
  const span = 1 + (one.length % 12);
  if (one.kind === 'remove') opcodes.splice(at, span);
  else if (one.kind === 'copy') opcodes.splice(at, one.bigEndian ? 0 : span, ...opcodes.slice(from, from + span));
  else if (one.kind === 'extend')
    opcodes.splice(at, 0, ...new Array<Uint8Array>(one.length).fill(chosen(OPCODES, one.from)));
  else if (one.kind === 'swap') [opcodes[at], opcodes[from]] = [opcodes[from]!, opcode];
  else if (one.kind === 'set') opcodes[at] = chosen(OPCODES, one.from);
  else if (one.kind === 'integer') opcodes[at] = longOf(one.value);
  else if (one.kind === 'nudge' && opcode.length > 1)
    opcodes[at] = joined(opcode.subarray(0, -1), Uint8Array.of(opcode.at(-1)! + (one.byte % 9) - 4));
  else opcodes.splice(at, 0, chosen(OPCODES, one.from));
  return joined(...opcodes, bytes.subarray(end));
}

/** LONG1 of nine bytes. */
function longOf(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(11, value < 0n ? 0xff : 0);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value), 2);
  bytes.set([0x8a, 9]);
  return bytes;
}

function opcodesOf(bytes: Uint8Array): { opcodes: Uint8Array[]; end: number } {
  const opcodes: Uint8Array[] = [];
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let p = 0;
  for (let stops = 0; p < bytes.length && stops < PICKLES; ) {
    const argument = ARGUMENTS[String.fromCharCode(bytes[p]!)] ?? 0;
    let length = 1;
    if (typeof argument === 'number') length += argument;
    else if (argument.startsWith('n')) {
      for (let lines = Number(argument[1]); lines > 0; lines--) length = content.indexOf(10, p + length) + 1 - p;
    } else {
      const width = Number(argument[1]);
      if (p + 1 + width > bytes.length) break;
      length += width + (width === 8 ? Number(content.readBigUInt64LE(p + 1)) : content.readUIntLE(p + 1, width));
    }
    if (length < 1 || p + length > bytes.length) break;
    if (bytes[p] === 0x2e) stops++;
    opcodes.push(bytes.subarray(p, p + length));
    p += length;
  }
  return { opcodes, end: p };
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** Of a varint, its bytes; of length-delimited ones, what follows the length. */
  readonly content: Uint8Array;
}

/** Goes down into a message by the digits of the edit's places, and changes one field there; lengths are put right. */
function editProtobuf(bytes: Uint8Array, one: Edit, depth: number): Uint8Array | undefined {
  const fields = fieldsOf(bytes);
  if (!fields || fields.length === 0) return undefined;
  const at = Math.floor(one.at * fields.length);
  const field = fields[at]!;
  const inner = { ...one, at: (one.at * fields.length) % 1 };
  const deeper = depth < one.length % 7 && field.wire === 2 ? editProtobuf(field.content, inner, depth + 1) : undefined;
  if (deeper) return written(fields.with(at, { ...field, content: deeper }));
  const other = chosen(fields, one.from);
  switch (one.kind) {
    case 'remove':
      return written(fields.toSpliced(at, 1));
    case 'copy':
      return written(fields.toSpliced(at, 0, other));
    case 'extend':
      return written(fields.toSpliced(at, 0, ...new Array<Field>(timesOf(one, field.content)).fill(field)));
    case 'swap':
      return written(fields.with(at, { ...field, content: other.content, wire: other.wire }));
    case 'integer':
      return written(fields.with(at, { ...field, wire: 0, content: varint(one.value) }));
    case 'nudge':
      return written(fields.with(at, { ...field, number: Math.max(1, field.number + (one.byte % 9) - 4) }));
    case 'flip':
      return written(fields.with(at, { ...field, wire: one.byte & 7 }));
    default: {
      const donor = other.content;
      return written(fields.with(at, { ...field, content: editBytes(field.content, inner, { donor }) }));
    }
  }
}

/** How often a field is repeated: often, if it is small. */
function timesOf({ length }: Edit, content: Uint8Array): number {
  return Math.min(length, Math.ceil(0x10000 / (content.length + 1)));
}

function fieldsOf(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  let p = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = bytes[p++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (p < bytes.length) {
    const tag = number();
    const wire = tag & 7;
    const start = p;
    if (wire === 2) {
      const length = number();
      if (tag < 8 || p + length > bytes.length) return undefined;
      fields.push({ number: Math.floor(tag / 8), wire, content: bytes.subarray(p, p + length) });
      p += length;
      continue;
    }
    if (wire === 0) number();
    else if (wire === 5) p += 4;
    else if (wire === 1) p += 8;
    else return undefined;
    if (tag < 8 || p > bytes.length) return undefined;
    fields.push({ number: Math.floor(tag / 8), wire, content: bytes.subarray(start, p) });
  }
  return fields;
}

function written(fields: readonly Field[]): Uint8Array {
  return joined(
    ...fields.flatMap(({ number, wire, content }) => [
      varint(BigInt(number * 8 + wire)),
      ...(wire === 2 ? [varint(BigInt(content.length))] : []),
      content,
    ]),
  );
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}
