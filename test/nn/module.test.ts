/** Modules as trees of named parameters: enumeration, freezing, modes, state dicts. */
import { expect, test, vi } from 'vitest';
import type { StateDict, TensorData } from '../../src/core/dtype.ts';
import { StateDictError } from '../../src/core/errors.ts';
import {
  BatchNorm2d,
  Buffer,
  Conv2d,
  Linear,
  Module,
  ModuleList,
  Parameter,
  ReLU,
  Sequential,
} from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

class Block extends Module {
  conv = new Conv2d(2, 4, 3, { padding: 1, bias: false });
  bn = new BatchNorm2d(4);
  relu = new ReLU();
  downsample: Sequential | null = null;
  forward(x: Tensor): Tensor {
    return this.relu.forward(this.bn.forward(this.conv.forward(x)));
  }
}

class Net extends Module {
  scale = new Parameter([1], Float32Array.of(2));
  block = new Block();
  fc = new Linear(4, 3);
  note = 'not a tensor';
  forward(x: Tensor): Tensor {
    return this.fc.forward(this.block.forward(x).mean([2, 3])).mul(this.scale);
  }
}

const names = (list: readonly [string, unknown][]) => list.map(([name]) => name);

test('fields are the names, in the order of declaration: parameters, then buffers, then children', async () => {
  const net = new Net();
  expect(names(net.namedParameters())).toEqual([
    'scale',
    'block.conv.weight',
    'block.bn.weight',
    'block.bn.bias',
    'fc.weight',
    'fc.bias',
  ]);
  expect(names(net.namedBuffers())).toEqual([
    'block.bn.running_mean',
    'block.bn.running_var',
    'block.bn.num_batches_tracked',
  ]);
  expect(names(net.namedModules())).toEqual(['', 'block', 'block.conv', 'block.bn', 'block.relu', 'fc']);
  expect(names(net.namedChildren())).toEqual(['block', 'fc']);
  const state = await net.stateDict();
  expect([...state.keys()]).toEqual([
    'scale',
    'block.conv.weight',
    'block.bn.weight',
    'block.bn.bias',
    'block.bn.running_mean',
    'block.bn.running_var',
    'block.bn.num_batches_tracked',
    'fc.weight',
    'fc.bias',
  ]);
  expect(state.get('block.bn.num_batches_tracked')).toEqual({ shape: [], dtype: 'int64', data: BigInt64Array.of(0n) });
  expect(state.get('scale')).toEqual({ shape: [1], dtype: 'float32', data: Float32Array.of(2) });
});

test('a replaced field is seen at once and keeps its place', () => {
  const net = new Net();
  net.parameters();
  net.fc = new Linear(4, 7);
  expect(names(net.namedParameters()).slice(-2)).toEqual(['fc.weight', 'fc.bias']);
  expect(net.parameters().at(-1)!.shape).toEqual([7]);
  net.block.downsample = new Sequential(new Conv2d(2, 4, 1));
  expect(names(net.namedParameters())).toContain('block.downsample.0.weight');
});

test('a shared module is listed once, and saved under each of its names', async () => {
  const shared = new Linear(2, 2, { bias: false });
  const net = new Sequential(shared, new ReLU(), shared);
  expect(names(net.namedParameters())).toEqual(['0.weight']);
  expect([...(await net.stateDict()).keys()]).toEqual(['0.weight', '2.weight']);
});

test('a module that holds its parent still ends', async () => {
  class Child extends Module {
    weight = new Parameter([1], Float32Array.of(1));
    parent: Module | null = null;
    forward(x: Tensor): Tensor {
      return x;
    }
  }
  const child = new Child();
  const parent = new Sequential(child);
  child.parent = parent;
  expect(names(parent.namedParameters())).toEqual(['0.weight']);
  expect([...(await parent.stateDict()).keys()]).toEqual(['0.weight']);
  expect(String(parent)).toContain('(parent): Sequential(...)');
});

test('containers: index, append, length, iteration, slices, names', () => {
  const relu = new ReLU();
  const seq = new Sequential(new Linear(1, 2), relu);
  seq.append(new Linear(2, 3));
  expect(seq.length).toBe(3);
  expect(seq[1]).toBe(relu);
  expect(seq.at(-1)).toBe(seq[2]);
  expect([...seq].map((m) => m.typeName)).toEqual(['Linear', 'ReLU', 'Linear']);
  seq[2] = new Linear(2, 9);
  expect(names(seq.namedParameters())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  expect(seq.slice(0, -1).length).toBe(2);
  const named = new Sequential({ first: new Linear(1, 1), second: relu });
  expect(names(named.namedChildren())).toEqual(['first', 'second']);
  const list = new ModuleList([relu]).append(new Linear(1, 1));
  expect(names(list.namedParameters())).toEqual(['1.weight', '1.bias']);
  expect(() => list.forward()).toThrow('ModuleList: has no forward of its own.');
});

test('train and eval reach every module', () => {
  const net = new Net();
  expect(net.eval()).toBe(net);
  expect(net.modules().some((m) => m.training)).toBe(false);
  net.train();
  expect(net.modules().every((m) => m.training)).toBe(true);
});

test('freeze and unfreeze take patterns over names and modules', () => {
  const net = new Net();
  const frozen = () => net.namedParameters().flatMap(([name, p]) => (p.requires_grad ? [] : [name]));
  net.freeze('block');
  expect(frozen()).toEqual(['block.conv.weight', 'block.bn.weight', 'block.bn.bias']);
  expect(net.block.bn.frozen).toBe(true);
  net.unfreeze('*.bn*');
  expect(frozen()).toEqual(['block.conv.weight']);
  net.unfreeze().freeze('*.bias', 'scale');
  expect(frozen()).toEqual(['scale', 'block.bn.bias', 'fc.bias']);
  net.unfreeze().freeze('{block,fc}.*');
  expect(frozen().length).toBe(5);
  net.freeze();
  expect(frozen().length).toBe(6);
  net.requiresGrad_();
  expect(frozen()).toEqual([]);
});

test('a pattern or path that matches nothing names what comes close', () => {
  const net = new Net();
  expect(() => net.freeze('blok.*')).toThrow(
    "freeze: no parameter or module of Net matches 'blok.*'. Close names: block, block.bn, fc.",
  );
  expect(() => net.freezeUntil('blocks')).toThrow("freezeUntil: Net has no 'blocks'. Close names: block, ");
  expect(() => net.getSubmodule('block.con')).toThrow(
    "getSubmodule: Net has no 'block.con'. Close names: block.conv, ",
  );
  expect(() => net.freeze('{a')).toThrow("freeze: '{a' is not a complete pattern.");
});

const vector = (...values: number[]): TensorData => ({
  shape: [values.length],
  dtype: 'float32',
  data: Float32Array.from(values),
});

test('strict loading reports every fault at once and writes nothing', async () => {
  const fc = new Linear(2, 1);
  const before = await fc.stateDict();
  const state: StateDict = new Map([
    ['bias', vector(5)],
    ['head.weight', vector(1)],
    ['weight', vector(1, 2)],
  ]);
  expect(() => fc.loadStateDict(state)).toThrow(
    'Linear: 0 missing keys, 1 unexpected (head.weight), 1 wrong shape (weight: got [2], expected [1, 2]). ' +
      'Pass { strict: false } to load the rest.',
  );
  expect(await fc.stateDict()).toEqual(before);
  expect(fc.loadStateDict(state, { strict: false })).toEqual({
    missing: [],
    unexpected: ['head.weight'],
    wrongShapes: ['weight'],
  });
  expect(await fc.bias!.data()).toEqual(Float32Array.of(5));
  expect(await fc.weight.data()).toEqual(before.get('weight')!.data);
});

test('the text for missing keys', () => {
  const net = new Net();
  const state: StateDict = new Map([
    ['scale', vector(1)],
    ['block.conv.weight', { shape: [4, 2, 3, 3], dtype: 'float32', data: new Float32Array(72) }],
    ['block.bn.weight', vector(1, 1, 1, 1)],
    ['block.bn.bias', vector(1, 1, 1, 1)],
    ['block.bn.running_mean', vector(1, 1, 1, 1)],
    ['block.bn.running_var', vector(1, 1, 1, 1)],
    ['head.weight', vector(1)],
  ]);
  try {
    net.loadStateDict(state);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(StateDictError);
    const { message, missing, unexpected, wrongShapes } = error as StateDictError;
    expect(message).toBe(
      'Net: 2 missing keys (fc.weight, fc.bias), 1 unexpected (head.weight), 0 wrong shapes. Pass { strict: false } to load the rest.',
    );
    expect({ missing, unexpected, wrongShapes }).toEqual({
      missing: ['fc.weight', 'fc.bias'],
      unexpected: ['head.weight'],
      wrongShapes: [],
    });
  }
});

test('half, bfloat16, float64 and int64 entries are converted', async () => {
  const bn = new BatchNorm2d(2);
  bn.loadStateDict(
    new Map<string, TensorData>([
      ['weight', { shape: [2], dtype: 'float16', data: Uint16Array.of(0x3c00, 0xc000) }],
      ['bias', { shape: [2], dtype: 'bfloat16', data: Uint16Array.of(0x3f80, 0x4040) }],
      ['running_mean', { shape: [2], dtype: 'float64', data: Float64Array.of(0.5, 0.25) }],
      ['running_var', vector(3, 4)],
      ['num_batches_tracked', { shape: [], dtype: 'int64', data: BigInt64Array.of(7n) }],
    ]),
  );
  expect(await bn.weight!.data()).toEqual(Float32Array.of(1, -2));
  expect(await bn.bias!.data()).toEqual(Float32Array.of(1, 3));
  expect(await bn.running_mean!.data()).toEqual(Float32Array.of(0.5, 0.25));
  expect(bn.num_batches_tracked!.count).toBe(7);
  expect(await bn.num_batches_tracked!.data()).toEqual(Int32Array.of(7));
});

test('the loaded values are copies', async () => {
  const fc = new Linear(1, 1, { bias: false });
  const data = Float32Array.of(3);
  fc.loadStateDict(new Map([['weight', { shape: [1, 1], dtype: 'float32', data } satisfies TensorData]]));
  data[0] = 9;
  expect(await fc.weight.data()).toEqual(Float32Array.of(3));
});

test('buffers belong to the state and are not trained', () => {
  class WithBuffer extends Module {
    table = new Buffer([2], Float32Array.of(1, 2));
    forward(x: Tensor): Tensor {
      return x.add(this.table);
    }
  }
  const module = new WithBuffer();
  expect(module.parameters()).toEqual([]);
  expect(names(module.namedBuffers())).toEqual(['table']);
  expect(module.table.requires_grad).toBe(false);
});

test('console.log shows the printed text', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const relu = new ReLU();
  expect((relu as unknown as Record<symbol, () => string>)[Symbol.for('nodejs.util.inspect.custom')]!()).toBe('ReLU()');
  log.mockRestore();
});
