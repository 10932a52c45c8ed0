/** Inception v3: its two heads, in training and in evaluation, grafted, frozen, loaded. Nothing here is computed on a GPU. */
import { expect, test } from 'vitest';
import { trial } from '../../src/graph/scope.ts';
import { init, zeros } from '../../src/index.ts';
import { graft } from '../../src/models/graft.ts';
import { Inception3, type InceptionOutputs, inception_v3 } from '../../src/models/index.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** The shapes that a forward pass gives. */
async function shapes(model: Inception3, side: number) {
  await init();
  const outputs = trial(
    () => model.forward(zeros([2, 3, side, side])),
    (given) => given,
  );
  return outputs instanceof Tensor ? outputs.shape : Object.entries(outputs).map(([name, t]) => [name, t.shape]);
}

const trained = (model: Inception3) => model.namedParameters().flatMap(([name, p]) => (p.requires_grad ? [name] : []));

test('training gives the auxiliary logits too, evaluation the one tensor', async () => {
  const model = await inception_v3({ numClasses: 5 });
  expect(await shapes(model, 299)).toEqual([
    ['logits', [2, 5]],
    ['auxLogits', [2, 5]],
  ] satisfies [keyof InceptionOutputs, number[]][]);
  expect(await shapes(model.eval(), 75)).toEqual([2, 5]);
});

test('smaller images are trained on without the auxiliary head', async () => {
  const model = await inception_v3();
  await expect(shapes(model, 224)).rejects.toThrow(
    'inception_v3: its auxiliary head is trained on images from 299 x 299 up, got [2, 3, 224, 224]. ' +
      'Take larger images (`--image-size 299` of the command), or set model.AuxLogits to null.',
  );
  model.AuxLogits = null;
  expect(await shapes(model, 224)).toEqual([2, 1000]);
});

test('a new task replaces both heads', async () => {
  const model = await inception_v3();
  expect(graft(inception_v3, model.freeze(), 7)).toBe(model.fc);
  expect([model.fc.outFeatures, model.AuxLogits!.fc.outFeatures]).toEqual([7, 7]);
  expect(trained(model)).toEqual(['AuxLogits.fc.weight', 'AuxLogits.fc.bias', 'fc.weight', 'fc.bias']);
  model.AuxLogits = null;
  graft(inception_v3, model, 4);
  expect(model.fc.outFeatures).toBe(4);
});

test('freezeUntil trains both heads', async () => {
  const model = (await inception_v3()).freezeUntil('fc');
  expect(trained(model)).toEqual(['AuxLogits.fc.weight', 'AuxLogits.fc.bias', 'fc.weight', 'fc.bias']);
  model.freezeUntil('Mixed_7a');
  expect(trained(model).some((name) => name.startsWith('AuxLogits.conv'))).toBe(false);
  model.freezeUntil('Mixed_6e');
  expect(trained(model).some((name) => name.startsWith('AuxLogits.conv'))).toBe(true);
});

test('weights with and without an auxiliary head', async () => {
  const model = new Inception3({ numClasses: 3 });
  const state = await model.stateDict();
  const without = new Map([...state].filter(([name]) => !name.startsWith('AuxLogits.')));
  model.loadStateDict(new Map([...without].slice(0, 4)), { strict: false });
  expect(model.AuxLogits).not.toBeNull();
  model.loadStateDict(without);
  expect(model.AuxLogits).toBeNull();
  expect([...(await model.stateDict()).keys()]).toEqual([...without.keys()]);
  expect(model.loadStateDict(state)).toEqual({ missing: [], unexpected: [], wrongShapes: [] });
  expect(model.AuxLogits).toBeNull();
});

test('initial values: truncated normal, of a hundredth of the width in the auxiliary head', async () => {
  const { fc, AuxLogits } = await inception_v3({ seed: 1 });
  for (const [layer, deviation] of [
    [fc, 0.1],
    [AuxLogits!.fc, 0.001],
  ] as const) {
    const values = (await layer.weight.toTensorData()).data as Float32Array;
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(Math.sqrt(variance) / deviation).toBeCloseTo(1, 2);
  }
});
