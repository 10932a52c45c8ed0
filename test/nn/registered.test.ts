/** Submodules and parameters in arrays and plain objects: refused, since they would not be trained. */
import { beforeAll, expect, test } from 'vitest';
import { init, type Tensor, tensor } from '../../src/index.ts';
import { Linear, Module, ModuleList, Parameter } from '../../src/nn/index.ts';

beforeAll(async () => {
  await init();
});

class Listed extends Module {
  ls: Linear[] | ModuleList | Record<string, unknown> = [new Linear(2, 2), new Linear(2, 2)];
  fc = new Linear(2, 2);
  forward(x: Tensor): Tensor {
    return this.fc.forward(x);
  }
}

class Around extends Module {
  inner = new Listed();
  forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

const message =
  "Listed: expected every module in a field of its own, got one in the array 'ls', where it would not be trained. Write ls = new ModuleList([…]).";

test.each([
  ['parameters()', (m: Module) => m.parameters()],
  ['train()', (m: Module) => m.train()],
  ['forward()', (m: Module) => m.forward(tensor([[1, 2]]))],
  ['summary()', (m: Module) => m.summary()],
])('an array, at %s, also deep in a model', (_, use) => {
  expect(() => use(new Listed())).toThrow(message);
  expect(() => use(new Around())).toThrow(message);
});

test('a plain object, a map, parameters', () => {
  const model = new Listed();
  model.ls = { a: new Linear(2, 2) };
  expect(() => model.parameters()).toThrow(message.replace('array', 'object'));
  model.ls = new Map([['a', new Linear(2, 2)]]) as unknown as Record<string, unknown>;
  expect(() => model.parameters()).toThrow(message.replace('array', 'object'));
  model.ls = { w: new Parameter([1], new Float32Array(1)) };
  expect(() => model.parameters()).toThrow(
    "Listed: expected every parameter in a field of its own, got one in the object 'ls', where it would not be trained. Give each a field.",
  );
});

test('in lists of lists, as deep as they go', () => {
  const model = new Listed();
  model.ls = { stages: [[1, new Linear(2, 2)]] };
  expect(() => model.parameters()).toThrow(message.replace('array', 'object'));
  const ring: Record<string, unknown> = { name: 'of itself' };
  ring.self = [ring];
  model.ls = ring;
  expect(model.parameters().length).toBe(2);
});

test('as the message says; and a list of what has fields as well is fine', () => {
  const model = new Listed();
  model.ls = new ModuleList(model.ls as Linear[]);
  expect(model.parameters().length).toBe(6);
  model.ls = [model.fc];
  expect(model.parameters().length).toBe(2);
});
