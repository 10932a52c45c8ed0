/** DenseNet: the names in the files that torchvision published, and blocks that keep their layers' inputs alone. */
import { beforeAll, expect, test } from 'vitest';
import type { StateDict } from '../../src/core/dtype.ts';
import { init, manualSeed, tensor } from '../../src/index.ts';
import { safetensorsChunks } from '../../src/io/index.ts';
import { DenseBlock, densenet121 } from '../../src/models/index.ts';
import { fill } from '../ops/inputs.ts';
import { expectClose, tolerances } from '../tolerances.ts';

beforeAll(async () => {
  await init();
});

/** `norm1` as `norm.1`, and no counters: they are younger than the files. */
function asPublished(state: StateDict): StateDict {
  const counter = 'num_batches_tracked';
  const old = (name: string) => name.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2');
  return new Map([...state].filter(([name]) => !name.endsWith(counter)).map(([name, t]) => [old(name), t]));
}

const bytes = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

test('published files have norm.1 for norm1', async () => {
  const state = await (await densenet121({ seed: 1, numClasses: 3 })).stateDict();
  const published = asPublished(state);
  expect([...published.keys()].slice(5, 8)).toEqual(
    ['norm.1.weight', 'norm.1.bias', 'norm.1.running_mean'].map((name) => `features.denseblock1.denselayer1.${name}`),
  );
  const notes: string[] = [];
  const weights = Buffer.concat([...safetensorsChunks(published, {})]);
  const model = await densenet121({ weights, onNote: (note) => notes.push(note) });
  expect(notes).toEqual(['The names are those of torchvision’s first DenseNets.']);
  for (const [name, { data }] of await model.stateDict())
    if (!name.endsWith('num_batches_tracked'))
      expect(Buffer.compare(bytes(data), bytes(state.get(name)!.data)), name).toBe(0);
});

test('a checkpointed block gives the same outputs and gradients', async () => {
  manualSeed(1);
  const block = new DenseBlock(3, 5, 2);
  const run = async (checkpointing: boolean) => {
    block.checkpointing = checkpointing;
    block.zeroGrad();
    const x = tensor(fill({ shape: [2, 5, 7, 6], kind: 'uniform' }, 3) as Float32Array, [2, 5, 7, 6]);
    x.requires_grad = true;
    const y = block.forward(x);
    expect(y.shape).toEqual([2, 11, 7, 6]);
    y.square().mean().backward();
    return Promise.all([y, x.grad!, ...block.parameters().map((p) => p.grad!)].map((t) => t.data()));
  };
  const [plain, checkpointed] = [await run(false), await run(true)];
  for (const [k, values] of plain.entries())
    expectClose(`tensor ${k}`, checkpointed[k]!, values, tolerances.accumulated);
});
