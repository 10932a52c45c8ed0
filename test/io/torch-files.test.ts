/**
 * What PyTorch writes beside plain state dicts: whole modules, TorchScript, lists, exported programs, folders. Every tensor equals what PyTorch itself finds there
 * (scripts/record-torch-files.py), no class is looked up, nothing is run, and what is left out is said.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { formatShape } from '../../src/core/shape.ts';
import { bytesOf } from '../../src/io/base/bytes.ts';
import { readWeightFile, readWeights } from '../../src/io/index.ts';
import { sharedData } from '../shared-data.ts';
import { bytes, call, dict, expectRefusal, global, pickle, storage, tensor, text, torchZip, tuple } from './build.ts';

interface Digest {
  readonly tensors: number;
  readonly sha256: string;
}

const fixtures = new URL('../fixtures/io/torch/', import.meta.url);
const recorded = (name: string): Record<string, Digest> => JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'));
const expected = recorded('expected.json');
const published = recorded('published.json');
const at = (name: string): string => fileURLToPath(new URL(name, fixtures));

/** Of names, types, shapes and bytes, by name. */
function digest(state: StateDict): Digest {
  const sha = createHash('sha256');
  for (const [name, tensor] of [...state].sort(([a], [b]) => (a < b ? -1 : 1)))
    sha.update(`${name} ${tensor.dtype} ${formatShape(tensor.shape)}\n`).update(bytesOf(tensor));
  return { tensors: state.size, sha256: sha.digest('hex') };
}

const moduleNote = (name: string): string =>
  `It is a whole pickled module (${name}): its parameters and buffers are read, none of its code is run.`;
const scriptNote = (name: string): string =>
  moduleNote(name).replace('a whole pickled module', 'a TorchScript archive');
const WITHOUT = 'Left out, as its state dict does: mask, plain.';
const COUNTER = 'Left out: n_averaged, how many models an AveragedModel has in it.';
const PREFIX = "The prefix 'module.' is taken off every name.";

const BYTES =
  'Left out, being more than plain data: epoch (torch.distributed.checkpoint.metadata.BytesStorageMetadata).';

test.each([
  ['whole.pt', [moduleNote('__main__.Net'), WITHOUT]],
  ['whole-protocol4.pt', [moduleNote('__main__.Net'), WITHOUT]],
  ['whole-legacy.pt', [moduleNote('torch.nn.modules.linear.Linear')]],
  [
    'whole-parallel.pt',
    [
      moduleNote('torch.nn.parallel.data_parallel.DataParallel'),
      'Left out, as its state dict does: module.mask, module.plain.',
      PREFIX,
    ],
  ],
  ['whole-fx.pt', [moduleNote('torch.fx.graph_module.reduce_graph_module')]],
  ['checkpoint.pt', ["The weights are those under 'ema'.", moduleNote('__main__.Net'), WITHOUT]],
  ['averaged.pt', [COUNTER, PREFIX]],
  ['averaged-whole.pt', [moduleNote('torch.optim.swa_utils.AveragedModel'), COUNTER, PREFIX]],
  ['list.pt', ["The weights are those under '0'."]],
  ['tuple.pt', ["The weights are those under '1'.", "Tensors are also under '2'."]],
  ['lightning.ckpt', ["The weights are those under 'state_dict'."]],
  ['script.pt', [scriptNote('__torch__.Net'), 'Left out, as its state dict does: plain.']],
  ['script-nested.pt', [scriptNote('__torch__.torch.nn.modules.container.Sequential')]],
  ['trace.pt', [scriptNote('__torch__.torch.nn.modules.container.Sequential')]],
  ['frozen.pt', ['It is a frozen TorchScript archive: its tensors have no names but those of constants in its code.']],
  ['export.pt2', ['Left out, as its state dict does: plain, mask.']],
  ['dcp', ["The weights are those under 'model'.", "Tensors are also under 'lr'.", BYTES]],
  ['dcp4', ["The weights are those under 'model'.", BYTES]],
  ['sharded', []],
])('%s', async (name, notes) => {
  const file = await readWeightFile(at(name));
  expect(digest(file.state)).toEqual(expected[name]);
  expect(file.notes.map((note) => note.replace(/\.?___torch_mangle_\d+/, ''))).toEqual(notes);
});

test('shards of PyTorch by their index, which is another than that of the folder', async () => {
  const { state, namesInFile } = await readWeightFile(at('sharded/pytorch_model.bin.index.json'));
  expect(digest(state)).toEqual(expected.sharded);
  expect(namesInFile.get('0.weight')).toBe('0.weight');
});

test('names come in the order of PyTorch', async () => {
  expect([...(await readWeights(at('whole.pt'))).keys()].slice(0, 4)).toEqual([
    'turned',
    'steps',
    'embedding.weight',
    'block.0.weight',
  ]);
});

describe.skipIf(!sharedData)('published files (need REGRAFT_DATA)', () => {
  test.each(Object.keys(published))('%s', async (path) => {
    expect(digest(await readWeights(`${sharedData}/${path}`))).toEqual(published[path]);
  });
});

const data = new Uint8Array(new Float32Array([1, 2]).buffer);
const w = tensor(storage('0', 2), 0, [2], [1]);
const zip = (object: Uint8Array): Uint8Array<ArrayBuffer> => torchZip(pickle(object), { 0: data });
const made = (name: string, ...state: Uint8Array[]): Uint8Array =>
  bytes(global('nets', name), tuple(), 0x81, dict(...state), 'b');
const parts = (parameters: Uint8Array, buffers: Uint8Array = dict(), modules: Uint8Array = dict()): Uint8Array[] => [
  ...[text('_parameters'), parameters, text('_buffers'), buffers, text('_modules'), modules],
];
const os = call(global('posix', 'system'), text('touch /tmp/ran'));

describe('modules that attack', () => {
  test.each([
    ['a call beside the parameters', made('Net', text('x'), os, ...parts(dict(text('w'), w)))],
    ['a hook', made('Net', text('_forward_hooks'), dict(text('a'), os), ...parts(dict(text('w'), w)))],
    ['__reduce__ of os.system', made('Net', text('__reduce__'), os, ...parts(dict(text('w'), w)))],
    ['__setstate__', made('Net', text('__setstate__'), global('posix', 'system'), ...parts(dict(text('w'), w)))],
    [
      'getattr in a module’s place',
      made(
        'Net',
        ...parts(
          dict(text('w'), w),
          dict(),
          dict(text('a'), call(global('builtins', 'getattr'), global('os', 'system'), text('x'))),
        ),
      ),
    ],
    [
      'a graph module whose code imports os',
      call(
        global('torch.fx.graph_module', 'reduce_graph_module'),
        dict(...parts(dict(text('w'), w))),
        text('import os'),
      ),
    ],
  ])('%s: nothing is run, the weights are read', async (_, object) => {
    const { state } = await readWeightFile(zip(object));
    expect([...state].map(([name, { data }]) => [name, ...data])).toEqual([['w', 1, 2]]);
  });

  test.each([
    [
      'a module in itself',
      bytes(
        global('nets', 'Net'),
        tuple(),
        0x81,
        'q',
        0,
        dict(...parts(dict(text('w'), w), dict(), dict(text('a'), bytes('h', 0)))),
        'b',
      ),
      'has modules in each other more than 100 deep: one seems to contain itself.',
    ],
    [
      'one name for two tensors',
      made('Net', ...parts(dict(text('a.b'), w), dict(), dict(text('a'), made('In', ...parts(dict(text('b'), w)))))),
      "has two tensors named 'a.b'.",
    ],
    [
      'a name that is no text',
      made('Net', ...parts(dict('N', w))),
      'has a part of a module whose name is no text: None.',
    ],
    [
      'weights in an object that is no module',
      made('Net', ...parts(dict(text('v'), w), dict(), dict(text('a'), made('In', text('w'), w)))),
      "refuses to unpickle 'nets.In' at byte 263: a weight file may only build tensors and plain containers.",
    ],
  ])('%s', async (_, object, message) => {
    await expectRefusal(zip(object), message);
  });

  test('modules that double with each level do not fill the memory', async () => {
    let object = made('Net', ...parts(dict(text('w'), w)));
    for (let level = 0; level < 40; level++) {
      const both = dict(text('a'), bytes(object, 'q', level), text('b'), bytes('h', level));
      object = made('Net', ...parts(dict(), dict(), both));
    }
    await expect(readWeights(zip(object))).rejects.toThrow(/the names of its modules would take more than/);
  });

  test('hooks on the state dict are told of', async () => {
    const hooks = dict(text('a'), global('nets', 'rename'));
    const { notes } = await readWeightFile(
      zip(made('Net', text('_state_dict_hooks'), hooks, ...parts(dict(text('w'), w)))),
    );
    expect(notes.at(-1)).toBe('Not run: the hooks that change the state dict in Python of the module itself.');
  });
});

describe('TorchScript that attacks', () => {
  const script = (code: string, object: Uint8Array, constants: Uint8Array = tuple()): Uint8Array<ArrayBuffer> =>
    zipSync(
      {
        'a/data.pkl': pickle(object),
        'a/data/0': data,
        'a/constants/0': data,
        'a/constants.pkl': pickle(constants),
        'a/code/__torch__.py': bytes(code),
      },
      { level: 0, mtime: new Date(2000, 0, 2) },
    ) as Uint8Array<ArrayBuffer>;
  const net = (...state: Uint8Array[]): Uint8Array =>
    bytes(global('__torch__', 'Net'), tuple(), 0x81, dict(...state), 'b');
  const CODE = 'class Net(Module):\n  __parameters__ = ["w", ]\n  __buffers__ = []\n  w : Tensor\n';

  test('what is called and imported', async () => {
    const { state, notes } = await readWeightFile(
      script(`import os\nos.system("touch /tmp/ran")\n${CODE}`, net(text('w'), w, text('x'), os), tuple(w, os)),
    );
    expect([...state.keys()]).toEqual(['w']);
    expect(notes.at(-1)).toBe('Left out: 1 tensor that the code has as constants.');
  });

  test('without its code, or with another root, it is refused', async () => {
    const only = 'a weight file may only build tensors and plain containers.';
    await expectRefusal(script('', net(text('w'), w)), `refuses to unpickle '__torch__.Net' at byte 42: ${only}`);
    await expectRefusal(script(CODE, os), `refuses to unpickle 'posix.system' at byte 42: ${only}`);
  });

  test('a part whose class the code lacks is refused, an object that is no module left out', async () => {
    const part = (name: string) => bytes(global('__torch__', name), tuple(), 0x81, dict(text('v'), w), 'b');
    const object = net(text('w'), w, text('part'), part('Part'));
    await expectRefusal(
      script(CODE, object),
      "refuses to unpickle '__torch__.Part' at byte 215: a weight file may only build tensors and plain containers.",
    );
    const { state } = await readWeightFile(script(`${CODE}class Part:\n  v : Tensor\n`, object));
    expect([...state.keys()]).toEqual(['w']);
  });

  test('an archive of before PyTorch 1.6 lists no buffers: all tensors are read', async () => {
    const { state, notes } = await readWeightFile(
      script(CODE.replace(/ *__buffers.*\n/, ''), net(text('w'), w, text('mean'), w)),
    );
    expect([...state.keys()]).toEqual(['w', 'mean']);
    expect(notes.at(-1)).toBe(
      'It does not say which tensors are buffers, as before PyTorch 1.6: all of its modules’ are read.',
    );
  });
});
