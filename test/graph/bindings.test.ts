/** Tensors that are more than a buffer of the adapter holds: refused by the op's name, with the batch that would fit. */
import { beforeAll, expect, test } from 'vitest';
import { currentDevice } from '../../src/device/current.ts';
import { init, noGrad, zeros } from '../../src/index.ts';
import { Conv2d, Linear } from '../../src/nn/index.ts';

const grouped = (bytes: number) => bytes.toLocaleString('en-US');

let allowed: number;
/** Channels of which ten images of 64 x 64 fit into a buffer, and eleven do not. */
let channels: number;
beforeAll(async () => {
  await init();
  allowed = currentDevice().maxBufferBytes;
  channels = Math.floor(allowed / (10 * 64 * 64 * 4));
});

test.each([true, false])('a convolution for a batch that is too large (bias: %s)', async (bias) => {
  const layer = new Conv2d(1, channels, 1, { bias });
  const { buffers } = currentDevice().counters;
  const forward = (batch: number) => noGrad(() => layer.forward(zeros([batch, 1, 64, 64])).relu());
  expect(() => forward(16)).toThrow(
    `conv2d: needs a ${grouped(16 * channels * 64 * 64 * 4)}-byte buffer; this adapter allows ${grouped(allowed)}. ` +
      'Reduce the batch size to 10 or less.',
  );
  // The parameters alone: nothing was taken for the results.
  expect(currentDevice().counters.buffers - buffers).toBeLessThanOrEqual(bias ? 2 : 1);
});

test('an image that is too large by itself', () => {
  const layer = new Conv2d(1, 11 * channels, 1, { bias: false });
  expect(() => noGrad(() => layer.forward(zeros([2, 1, 64, 64])))).toThrow(
    `conv2d: needs a ${grouped(22 * channels * 64 * 64 * 4)}-byte buffer; this adapter allows ${grouped(allowed)}. ` +
      'Reduce the image size.',
  );
});

test('an elementwise op', () => {
  const [image, scale] = [zeros([16, 1, 64, 64]), zeros([1, channels, 1, 1])];
  expect(() => noGrad(() => image.add(scale))).toThrow(
    `add: needs a ${grouped(16 * channels * 64 * 64 * 4)}-byte buffer; this adapter allows ${grouped(allowed)}. ` +
      'Reduce the batch size to 10 or less.',
  );
});

test('a layer that is too large, whatever the batch', () => {
  const outputs = Math.ceil(allowed / 4 / 4096) + 1;
  const layer = new Linear(4096, outputs, { bias: false });
  expect(() => noGrad(() => layer.forward(zeros([1, 4096])))).toThrow(
    `tensor: needs a ${grouped(outputs * 4096 * 4)}-byte buffer; this adapter allows ${grouped(allowed)}. ` +
      'Make the layer smaller, or take another adapter.',
  );
});

test('what a refused run would have computed says what was refused, however often it is read', async () => {
  const [image, scale] = [zeros([16, 1, 64, 64]), zeros([1, channels, 1, 1])];
  const sum = image.add(scale);
  const refusal =
    `add: needs a ${grouped(16 * channels * 64 * 64 * 4)}-byte buffer; this adapter allows ${grouped(allowed)}. ` +
    'Reduce the batch size to 10 or less';
  await expect(sum.data()).rejects.toThrow(`${refusal}.`);
  for (let read = 0; read < 2; read++)
    await expect(sum.data()).rejects.toThrow(
      `tensor [16, ${channels}, 64, 64]: it was freed: the run that computes it was refused: ${refusal}.`,
    );
});
