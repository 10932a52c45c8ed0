/** Checkpoints with objects beside their tensors: nothing of them is run, the tensors are read, what was left out is told. */
import { describe, expect, test } from 'vitest';
import { readWeightFile } from '../../src/io/index.ts';
import {
  bytes,
  call,
  dict,
  expectRefusal,
  global,
  int,
  pickle,
  storage,
  tensor,
  text,
  torchLegacy,
  torchZip,
  tuple,
  uint64,
} from './build.ts';

const data = new Uint8Array(new Float32Array([1, 2]).buffer);
const w = tensor(storage('0', 2), 0, [2], [1]);
const zip = (object: Uint8Array): Uint8Array<ArrayBuffer> => torchZip(pickle(object), { 0: data });
const legacy = (object: Uint8Array): Uint8Array<ArrayBuffer> => torchLegacy(pickle(object), ['0'], [uint64(2n), data]);

/** A class made anew, with a state. */
const object = (module: string, name: string, ...state: Uint8Array[]): Uint8Array =>
  bytes(global(module, name), tuple(), 0x81, dict(...state), 'b');
const os = call(global('posix', 'system'), text('id'));

describe.each([
  ['zip', zip],
  ['legacy', legacy],
])('%s', (_, file) => {
  test.each([
    ['a path', call(global('pathlib', 'PosixPath'), text('/'), text('a')), 'pathlib.PosixPath'],
    ['an attack', os, 'posix.system'],
    ['a class', global('builtins', 'object'), 'builtins.object'],
    [
      'a dictionary of its own',
      bytes(global('a.b', 'AttributeDict'), tuple(), 0x81, '(', text('lr'), int(1), 'u'),
      'a.b.AttributeDict',
    ],
    ['a list of its own', bytes(global('c', 'L'), tuple(), 0x81, '(', int(1), 'e', int(2), 'a'), 'c.L'],
    ['a set of its own', bytes(global('c', 'S'), tuple(), 0x81, '(', int(1), 0x90), 'c.S'],
    ['named arguments', bytes(global('c', 'N'), tuple(int(1)), dict(text('b'), int(2)), 0x92), 'c.N'],
    ['OBJ', bytes('(', global('c', 'O'), int(1), 'o'), 'c.O'],
    ['INST', bytes('(', int(1), 'ic\nI\n'), 'c.I'],
    ['a Namespace', object('argparse', 'Namespace', text('lr'), int(1)), 'argparse.Namespace'],
    [
      'copyreg',
      call(global('copyreg', '_reconstructor'), global('c', 'Old'), global('builtins', 'object'), 'N'),
      'c.Old',
    ],
    [
      'a bound method',
      call(global('builtins', 'getattr'), object('sched', 'OneCycleLR'), text('_cos')),
      'sched.OneCycleLR',
    ],
    [
      'an array',
      bytes(
        call(global('numpy.core.multiarray', '_reconstruct'), global('numpy', 'ndarray'), tuple(int(0)), text('b')),
        tuple(int(1)),
        'b',
      ),
      'numpy.ndarray',
    ],
    ['deep inside', bytes(']', dict(text('a'), tuple(os)), 'a'), 'posix.system'],
    ['an unknown reference', bytes(tuple(text('link'), text('a')), 'Q'), 'a reference'],
    [
      'a state beside slots',
      bytes(global('c', 'Slots'), tuple(), 0x81, tuple('N', dict(text('a'), int(1))), 'b'),
      'c.Slots',
    ],
  ])('%s beside the weights', async (_, thing, name) => {
    const object = dict(text('state_dict'), dict(text('w'), w), text('epoch'), int(3), text('more'), thing);
    const { state, notes, metadata } = await readWeightFile(file(object));
    expect([...state.get('w')!.data]).toEqual([1, 2]);
    expect(notes).toEqual([
      "The weights are those under 'state_dict'.",
      `Left out, being more than plain data: more (${name}).`,
    ]);
    expect(metadata).toEqual({ epoch: '3' });
  });

  test('among the weights', async () => {
    const { state, notes } = await readWeightFile(file(dict(text('w'), w, text('path'), os, text('n'), int(1))));
    expect([...state.keys()]).toEqual(['w']);
    expect(notes).toEqual(['Left out, being no tensors: path (posix.system), n.']);
  });

  test('a default dictionary whose default is a function', async () => {
    const weights = bytes(call(global('collections', 'defaultdict'), global('c', 'f')), text('w'), w, 's');
    expect([...(await readWeightFile(file(weights))).state.keys()]).toEqual(['w']);
  });

  test('a tensor with attributes or of a class of its own', async () => {
    const rebuild = global('torch._utils', '_rebuild_tensor_v2');
    const args = tuple(storage('0', 2), int(0), tuple(int(2)), tuple(int(1)), 0x89, 'N');
    const own = call(
      global('torch._tensor', '_rebuild_from_type_v2'),
      rebuild,
      global('c', 'Sub'),
      args,
      dict(text('a'), os),
    );
    const { state, notes } = await readWeightFile(file(dict(text('w'), own)));
    expect([...state.get('w')!.data]).toEqual([1, 2]);
    expect(notes).toEqual([]);
    const itself = bytes(global('torch._tensor', '_rebuild_from_type_v2'), 'q', 0);
    const looped = call(itself, bytes('h', 0), global('c', 'Sub'), tuple(bytes('h', 0)), 'N');
    await expect(readWeightFile(file(dict(text('v'), w, text('w'), looped)))).rejects.toThrow(
      /a tensor at byte \d+ is made by 'torch\._tensor\._rebuild_from_type_v2', which makes none\.$/,
    );
  });

  test('a complex tensor elsewhere', async () => {
    const complex = tensor(storage('1', 1, 'ComplexFloatStorage'), 0, [1], [1]);
    const object = dict(text('model'), dict(text('w'), w), text('freqs'), complex);
    const content =
      file === zip
        ? torchZip(pickle(object), { 0: data, 1: data })
        : torchLegacy(pickle(object), ['1', '0'], [uint64(1n), data, uint64(2n), data]);
    const { state, notes } = await readWeightFile(content);
    expect([...state.get('w')!.data]).toEqual([1, 2]);
    expect(notes.at(-1)).toBe('Left out, being more than plain data: freqs (torch.ComplexFloatStorage).');
  });
});

describe('weights that need what is not read', () => {
  const ONLY = 'a weight file may only build tensors and plain containers.';
  const model = object('torch.nn.modules', 'Net', text('a'), w, text('b'), w);
  const advice = `${ONLY} It seems to hold a whole pickled model: in Python, save model.state_dict() instead.`;
  test.each([
    ['under a usual name', dict(text('epoch'), int(1), text('model'), model), "'torch.nn.modules.Net' at byte 75"],
    ['beside fewer tensors', dict(text('best'), w, text('model'), model), "'torch.nn.modules.Net' at byte 207"],
    [
      'beside an optimizer’s',
      dict(text('model'), model, text('optimizer'), dict(text('exp_avg'), w)),
      "'torch.nn.modules.Net' at byte 60",
    ],
  ])('a whole model %s', async (_, object, at) => {
    await expectRefusal(zip(object), `refuses to unpickle ${at}: ${advice}`);
  });

  test('a model beside its state dict is left out', async () => {
    const { state, notes } = await readWeightFile(
      zip(dict(text('net'), model, text('state_dict'), dict(text('w'), w))),
    );
    expect([...state.keys()]).toEqual(['w']);
    expect(notes.at(-1)).toBe('Left out, being more than plain data: net (torch.nn.modules.Net).');
  });

  test('a quantised tensor among them', async () => {
    const quantised = call(global('torch._utils', '_rebuild_qtensor'), storage('1', 1, 'QInt8Storage'));
    await expectRefusal(
      zip(dict(text('v'), w, text('w'), quantised)),
      `refuses to unpickle 'torch._utils._rebuild_qtensor' at byte 200: ${ONLY}`,
    );
  });

  test('stand-ins in stand-ins, a hundred thousand deep, and one in itself', async () => {
    const deep = bytes(
      global('a', 'b'),
      'q',
      0,
      '0',
      'N',
      ...new Array(50_000).fill(bytes(0x85, 'q', 1, '0', 'h', 0, 'h', 1, 'R')),
    );
    const cyclic = bytes(global('a', 'c'), tuple(), 0x81, 'q', 2, 'h', 2, 'b');
    const { notes } = await readWeightFile(
      torchZip(pickle(dict(text('w'), w, text('deep'), deep, text('self'), cyclic)), {
        0: data,
        1: new Uint8Array(1 << 19),
      }),
    );
    expect(notes).toEqual(['Left out, being no tensors: deep (a.b), self (a.c).']);
  });
});
