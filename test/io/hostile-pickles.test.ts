/** Pickles that attack the reader: one clear line each, nothing run, nothing allocated beyond reason. */
import { describe, expect, test } from 'vitest';
import { readWeights } from '../../src/io/index.ts';
import {
  bytes,
  call,
  dict,
  expectRefusal,
  global,
  overBudget,
  PROTO2,
  pickle,
  storage,
  tensor,
  text,
  torchLegacy,
  torchZip,
  tuple,
  uint32,
  uint64,
} from './build.ts';

const ONLY = 'a weight file may only build tensors and plain containers.';
/** Where data.pkl begins in an archive of torchZip. */
const PKL = 46;
const EMPTY_LIST = pickle('](', 'e');

describe('pickles that would run code', () => {
  test.each([
    ['REDUCE of os.system', call(global('os', 'system'), text('id')), 'os.system'],
    ['posix.system', call(global('posix', 'system'), text('id')), 'posix.system'],
    ['builtins.eval', call(global('builtins', 'eval'), text('1')), 'builtins.eval'],
    ['__builtin__.exec', call(global('__builtin__', 'exec'), text('1')), '__builtin__.exec'],
    ['getattr', call(global('builtins', 'getattr'), text('a'), text('b')), 'builtins.getattr'],
    ['a nested pickle', call(global('torch.storage', '_load_from_bytes'), text('x')), 'torch.storage._load_from_bytes'],
    ['NEWOBJ', bytes(global('subprocess', 'Popen'), tuple(text('id')), 0x81), 'subprocess.Popen'],
    ['STACK_GLOBAL', bytes(text('os'), text('system'), 0x93), 'os.system'],
    [
      'a name with a path',
      bytes(text('builtins'), text('set.__init__.__globals__'), 0x93),
      'builtins.set.__init__.__globals__',
    ],
    ['INST', bytes('(', 'ios\nsystem\n'), 'os.system'],
    ['a name that would draw on the terminal', global('os\u001b[2J', 'system'), 'os\\u001b[2J.system'],
    ['__proto__', global('__proto__', 'constructor'), '__proto__.constructor'],
  ])('%s', async (_, attack, name) => {
    const object = pickle(dict(text('w'), attack));
    const at = (content: Uint8Array) => {
      // The opcode that names it: GLOBAL and INST at its first byte, STACK_GLOBAL after the two texts.
      const whole = Buffer.from(content).toString('latin1');
      const start = whole.indexOf(Buffer.from(attack).toString('latin1'));
      const stackGlobal = attack.indexOf(0x93);
      return (start + (attack[0] === 0x58 ? stackGlobal : attack[0] === 0x28 ? 1 : 0)).toLocaleString('en-US');
    };
    const zip = torchZip(object);
    await expectRefusal(zip, `refuses to unpickle '${name}' at byte ${at(zip)}: ${ONLY}`);
    const legacy = torchLegacy(object);
    await expectRefusal(legacy, `refuses to unpickle '${name}' at byte ${at(legacy)}: ${ONLY}`);
  });

  test('a bare pickle is refused for what it names', async () => {
    await expectRefusal(bytes('cos\nsystem\n(S"id"\ntR.'), `refuses to unpickle 'os.system' at byte 0: ${ONLY}`);
    await expectRefusal(
      bytes(0x80, 4, 0x8c, 2, 'os', 0x8c, 6, 'system', 0x93, '.'),
      `refuses to unpickle 'os.system' at byte 14: ${ONLY}`,
    );
    await expectRefusal(
      pickle('}'),
      'is a pickle, but none that torch.save wrote: its first object is no magic number.',
    );
  });

  test('places are counted from the file’s start, with separators', async () => {
    const padding = text('x'.repeat(1144));
    const file = torchZip(bytes(PROTO2, padding, '0', call(global('os', 'system')), '.'));
    await expectRefusal(file, `refuses to unpickle 'os.system' at byte 1,198: ${ONLY}`);
    expect(Buffer.from(file.subarray(1198, 1207)).toString()).toBe('cos\nsyste');
  });

  test.each([
    [
      'BUILD of __setstate__',
      bytes(call(global('collections', 'OrderedDict')), dict(text('__setstate__'), text('x')), 'b'),
      `refuses to set '__setstate__' at byte ${PKL + 56}: ${ONLY}`,
    ],
    ['BUILD of a list', bytes(']', dict(), 'b'), `refuses to set an object's state at byte ${PKL + 6}: ${ONLY}`],
    [
      'BUILD of a class',
      bytes(global('torch', 'FloatStorage'), dict(), 'b'),
      `refuses to set an object's state at byte ${PKL + 25}: ${ONLY}`,
    ],
    [
      'REDUCE of text',
      bytes(text('os'), tuple(), 'R'),
      `the pickle calls something that is no class at byte ${PKL + 11}.`,
    ],
    [
      'REDUCE of a dtype',
      call(global('torch', 'float32')),
      `the pickle calls 'torch.float32' at byte ${PKL + 19}, which is only a name here.`,
    ],
    [
      'a whole model',
      bytes(global('torchvision.models.resnet', 'ResNet')),
      `refuses to unpickle 'torchvision.models.resnet.ResNet' at byte ${PKL + 2}: ${ONLY} It seems to hold a whole pickled model: in Python, save model.state_dict() instead.`,
    ],
    [
      'a complex tensor',
      bytes(global('torch', 'ComplexFloatStorage')),
      `refuses to unpickle 'torch.ComplexFloatStorage' at byte ${PKL + 2}: ${ONLY} Complex and quantised tensors are not read.`,
    ],
    [
      'a persistent id of no storage',
      bytes(text('module'), 'Q'),
      `a reference at byte ${PKL + 13} is to something unknown: expected a storage.`,
    ],
    [
      'a pickled module',
      bytes(tuple(text('module'), text('a')), 'Q'),
      `a reference at byte ${PKL + 21} is to a whole pickled model (save model.state_dict() instead): expected a storage.`,
    ],
  ])('%s', async (_, attack, message) => {
    await expectRefusal(torchZip(pickle(attack)), message);
  });
});

describe('pickles that lie', () => {
  test.each([
    [
      'text longer than the file',
      bytes('X', uint32(0xffffffff)),
      `the pickle ends in the middle: the opcode at byte ${PKL + 2} reads to byte 4,294,967,348, but the pickle's bytes end at 54. The file is truncated or damaged: get it again.`,
    ],
    [
      'a 64-bit length',
      bytes(0x8d, uint64(0xffffffffffffffffn)),
      `the pickle ends in the middle: the opcode at byte ${PKL + 2} reads to byte 18,446,744,073,709,552,000, but the pickle's bytes end at 58. The file is truncated or damaged: get it again.`,
    ],
    [
      'an integer of a gigabyte',
      bytes(0x8b, uint32(1 << 30)),
      `the integer at byte ${PKL + 2} has 1,073,741,824 bytes: more than 1,024 are no number of a checkpoint.`,
    ],
    [
      'a negative length',
      bytes(0x8b, uint32(-1)),
      `the integer at byte ${PKL + 2} has 4,294,967,295 bytes: more than 1,024 are no number of a checkpoint.`,
    ],
    [
      'text that is no UTF-8',
      bytes('X', uint32(1), 0xff),
      `the text at byte ${PKL + 2} is not UTF-8. The file is damaged.`,
    ],
    [
      'a memo entry never made',
      bytes('h', 7),
      `the pickle refers to entry 7 of its memo at byte ${PKL + 2}, which it never made.`,
    ],
    [
      'an empty stack',
      bytes('0'),
      `the pickle takes more from its stack than it put there at byte ${PKL + 2}. The file is damaged.`,
    ],
    [
      'a pop below the mark',
      bytes(']', '(', 'a'),
      `the pickle takes more from its stack than it put there at byte ${PKL + 4}. The file is damaged.`,
    ],
    [
      'no mark',
      bytes(']', 'e'),
      `the pickle takes more from its stack than it put there at byte ${PKL + 3}. The file is damaged.`,
    ],
    [
      'an append to a dictionary',
      bytes('}', 'N', 'a'),
      `the pickle appends to something that is no list at byte ${PKL + 4}.`,
    ],
    [
      'items of a list',
      bytes(']', 'N', 'N', 's'),
      `the pickle sets items of something that is no dictionary at byte ${PKL + 5}.`,
    ],
    ['a key without a value', bytes('}', '(', 'N', 'u'), `the pickle has a key without a value at byte ${PKL + 5}.`],
    [
      'an unknown opcode',
      bytes(0xff),
      `pickle opcode 0xff at byte ${PKL + 2} is none that weight files use: expected those of protocols 2 to 5.`,
    ],
    ['a protocol of the future', bytes(0x80, 9), `pickle protocol 9 at byte ${PKL + 2} is unknown: expected 2 to 5.`],
    ['an endless class name', bytes('c', 'a'.repeat(600)), `a class name at byte ${PKL + 2} is longer than 512 bytes.`],
  ])('%s', async (_, body, message) => {
    await expectRefusal(torchZip(pickle(body)), message);
  });

  const one = (t: Uint8Array) => torchZip(pickle(dict(text('w'), t)), { 0: new Uint8Array(16) });
  const declared = (rest: string) => `a tensor at byte ${rest}`;
  test.each([
    [
      'past its storage',
      one(tensor(storage('0', 4), 0, [5], [1])),
      declared("193 with sizes [5], strides [1] and offset 0 needs 5 elements; its storage '0' has 4."),
    ],
    [
      'with an offset past it',
      one(tensor(storage('0', 4), 4, [1], [1])),
      declared("193 with sizes [1], strides [1] and offset 4 needs 5 elements; its storage '0' has 4."),
    ],
    [
      'with a stride past it',
      one(tensor(storage('0', 4), 0, [2, 2], [3, 1])),
      declared("203 with sizes [2, 2], strides [3, 1] and offset 0 needs 5 elements; its storage '0' has 4."),
    ],
    [
      'of negative size',
      one(tensor(storage('0', 4), 0, [-1], [1])),
      declared('193 is declared in an unknown way: expected storage, offset, sizes and strides.'),
    ],
    [
      'of negative stride',
      one(tensor(storage('0', 4), 3, [2], [-1])),
      declared('193 is declared in an unknown way: expected storage, offset, sizes and strides.'),
    ],
    [
      'of negative offset',
      one(tensor(storage('0', 4), -1, [2], [1])),
      declared('193 is declared in an unknown way: expected storage, offset, sizes and strides.'),
    ],
    [
      'of two sizes and one stride',
      one(tensor(storage('0', 4), 0, [2, 2], [1])),
      declared('198 is declared in an unknown way: expected storage, offset, sizes and strides.'),
    ],
    [
      'of sizes whose product overflows',
      one(tensor(storage('0', 4), 0, [2 ** 30, 2 ** 30], [0, 0])),
      declared('203 is declared in an unknown way: expected storage, offset, sizes and strides.'),
    ],
    [
      'expanded to terabytes',
      one(tensor(storage('0', 4), 0, [2 ** 20, 2 ** 20], [0, 0])),
      overBudget('its tensors', 410, 16),
    ],
    [
      'in a storage of negative size',
      one(tensor(storage('0', -4), 0, [1], [1])),
      `a storage at byte ${PKL + 97} is declared in an unknown way: expected class, key, location and size.`,
    ],
    [
      'in a storage larger than its data',
      one(tensor(storage('0', 8), 0, [8], [1])),
      "storage '0' should be 32 bytes (8 float32 elements), but zip entry 'archive/data/0' has 16.",
    ],
    [
      'in a storage smaller than its data',
      one(tensor(storage('0', 1), 0, [1], [1])),
      "storage '0' should be 4 bytes (1 float32 element), but zip entry 'archive/data/0' has 16.",
    ],
    [
      'in a storage that is not there',
      one(tensor(storage('../0', 4), 0, [1], [1])),
      "has no zip entry 'archive/data/../0'. It is damaged.",
    ],
    [
      'in a storage of two types',
      torchZip(
        pickle(
          dict(
            text('a'),
            tensor(storage('0', 4), 0, [1], [1]),
            text('b'),
            tensor(storage('0', 4, 'IntStorage'), 0, [1], [1]),
          ),
        ),
        { 0: new Uint8Array(16) },
      ),
      "storage '0' at byte 285 is declared as 4 int32, before as 4 float32.",
    ],
  ])('a tensor %s', async (_, content, message) => {
    await expectRefusal(content, message);
  });

  test('containers a hundred thousand deep, and one that holds itself', async () => {
    const deep = 100_000;
    const lists = pickle(']'.repeat(deep), 'a'.repeat(deep - 1));
    await expectRefusal(
      torchZip(lists, { 0: new Uint8Array(1 << 19) }),
      'holds no named tensors: expected a state dict, got a list of 1 item.',
    );
    const dicts = pickle('}', ...Array.from({ length: 5000 }, () => bytes(text('model'), '}')), 's'.repeat(5000));
    await expectRefusal(
      torchZip(dicts),
      'holds no named tensors: expected a state dict, got a dictionary of 1 (model).',
    );
    const cyclic = pickle('}', 'q', 0, text('model'), 'h', 0, 's');
    await expectRefusal(
      torchZip(cyclic),
      'holds no named tensors: expected a state dict, got a dictionary of 1 (model).',
    );
  });

  test('a list of lists of lists …, each twice the last, is not expanded', async () => {
    const doubled = Array.from({ length: 60 }, (_, i) => bytes('(', 'h', i, 'h', i, 't', 'q', i + 1));
    const laughs = bytes(']', 'q', 0, ...doubled);
    await expectRefusal(
      torchZip(pickle(laughs)),
      'holds no named tensors: expected a state dict, got a list of 2 items.',
    );
    const keys = bytes(torchLegacy(pickle('}')).slice(0, -EMPTY_LIST.length), pickle('](', laughs, 'h', 60, 'e'));
    await expectRefusal(keys, "lists storage 'a list of 0 items' that no tensor uses. The file is damaged.");
  });

  const opcodes = (n: number, opcode: number) => new Uint8Array(n).fill(opcode);
  const times = (n: number, ...parts: (string | number | Uint8Array)[]) =>
    new Array<Uint8Array>(n).fill(bytes(...parts));
  const list = bytes('(', opcodes(50_000, 0x4e), 'l', 'q', 0);
  const keys = Array.from({ length: 1000 }, (_, i) => bytes(text(`k${i}`), 'N'));
  test.each([
    ['dictionaries of a byte each', bytes(opcodes(100_000, 0x7d))],
    ['lists of a byte each', bytes(opcodes(100_000, 0x5d))],
    ['sets of a byte each', bytes(opcodes(100_000, 0x8f))],
    ['a tuple of a tuple of …', bytes('N', opcodes(100_000, 0x85))],
    ['memo entries of a byte each', bytes('N', opcodes(200_000, 0x94))],
    ['a list copied by many calls', bytes(list, ...times(100, global('builtins', 'set'), 'h', 0, 0x85, 'R', '0'))],
    [
      'a dictionary copied by many calls',
      bytes(dict(...keys), 'q', 0, ...times(500, global('collections', 'OrderedDict'), 'h', 0, 0x85, 'R', '0')),
    ],
    ['a state set by many calls', bytes(dict(...keys), 'q', 0, ...times(2000, 'h', 0, 'b'))],
  ])('a small file does not take much memory: %s', async (_, body) => {
    const file = torchZip(pickle(body));
    const error = await readWeights(new File([file], 'x.pth')).catch((e: Error) => e);
    expect((error as Error).message.replace(/at byte [\d,]+/, 'at byte …')).toBe(
      `x.pth: ${overBudget('its pickle at byte …', file.length, 64)}`,
    );
  });

  test('a packed pickle is held to what the file has, not to what it unpacks to', async () => {
    const file = torchZip(pickle(opcodes(100_000, 0x7d)), {}, 6);
    await expectRefusal(file, overBudget('its pickle at byte 4,930', file.length, 64));
  });

  test('tensors without elements, of nine bytes each', async () => {
    const empty = tensor(storage('0', 0), 0, [0], [1]);
    const names = Array.from({ length: 40_000 }, (_, i) => bytes(0x8c, 5, `${10_000 + i}`, 'h', 0));
    const file = torchZip(pickle(empty, 'q', 0, '0', '}(', ...names, 'u'));
    await expectRefusal(file, overBudget('its tensors', file.length, 16));
  });

  test('a long list is read', async () => {
    const file = torchZip(pickle(dict(text('losses'), bytes('(', ...times(100_000, 'G', 0x3f, opcodes(7, 0)), 'l'))));
    await expectRefusal(file, 'holds no named tensors: expected a state dict, got a dictionary of 1 (losses).');
  });
});
