/** A last batch of one image, from which no batch norm can learn. */
import { beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../../src/core/errors.ts';
import { DataLoader } from '../../src/data/data-loader.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { init, type Tensor } from '../../src/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { fit } from '../../src/train/fit.ts';
import { images, made, Normed } from './nets.ts';

beforeAll(async () => {
  await init();
});

const sgd = (model: Module): SGD => new SGD(model.parameters(), { lr: 0.1 });

describe('a last batch of one image', () => {
  /** A batch norm over maps of one pixel, which cannot be trained on one image. */
  const pooled = () => {
    const model = made(() => new Normed());
    const { forward } = model.conv;
    model.conv.forward = (x: Tensor) => forward(x).mean([2, 3], { keepdim: true });
    return model;
  };

  test('goes to the batch before where a batch norm is trained, with a note', async () => {
    const notes: string[] = [];
    const progress = { start() {}, update() {}, end() {}, note: (text: string) => notes.push(text) } as never;
    const model = pooled();
    const train = new DataLoader(images(9), { batchSize: 4, shuffle: true });
    const { stepLosses } = await fit(model, { train, epochs: 2, optimizer: sgd(model), progress });
    expect(stepLosses.length).toBe(4);
    expect([train.length, train.batches(0).map((batch) => batch.length)]).toEqual([2, [4, 5]]);
    expect(new Set(train.batches(0).flat()).size).toBe(9);
    expect(notes).toEqual([
      'The last batch would be of one image, from which no batch norm can learn: it goes to the batch before.',
    ]);
  });

  /** Nine images, of which only those with these numbers can be read. */
  const damaged = (readable: readonly number[]): Dataset => {
    const data = images(9);
    const { get } = data;
    return Object.assign(data, {
      get: async (index: number) => {
        if (!readable.includes(index)) throw new DataError(`${index}.jpg`, 'it cannot be read.');
        return get.call(data, index);
      },
    });
  };

  test.each([true, false])('one whose batch cannot be read is left out, with a note (cache: %s)', async (cache) => {
    const notes: string[] = [];
    const progress = { start() {}, update() {}, end() {}, note: (text: string) => notes.push(text) } as never;
    const model = pooled().freeze('conv');
    const train = new DataLoader(damaged([0, 1, 2, 4]), { batchSize: 4 });
    const { history, stepLosses } = await fit(model, { train, epochs: 3, optimizer: sgd(model), cache, progress });
    expect(stepLosses.length).toBe(3);
    expect(history.map((record) => record.cached)).toEqual([false, cache, cache]);
    expect(notes.filter((note) => note.startsWith('An image is left out'))).toEqual([
      'An image is left out of an epoch where no other of its batch can be read: no batch norm can learn from one.',
    ]);
  });

  test('where no batch has two that can be read, there is nothing to train on', async () => {
    const model = pooled();
    const train = new DataLoader(damaged([0, 5]), { batchSize: 4 });
    await expect(fit(model, { train, epochs: 1, optimizer: sgd(model) })).rejects.toThrow(
      '1.jpg: it cannot be read. No two of a batch of the 9 images could be read; this is the first.',
    );
  });

  test('stays where none is', async () => {
    const model = pooled().freeze('bn');
    const train = new DataLoader(images(9), { batchSize: 4 });
    const { stepLosses } = await fit(model, { train, epochs: 1, optimizer: sgd(model) });
    expect(stepLosses.length).toBe(3);
    expect(train.batches(0).map((batch) => batch.length)).toEqual([4, 4, 1]);
  });
});
