/** Recordings that are taken back. They need no device: none is opened here. */
import { describe, expect, test } from 'vitest';
import { recorder } from '../../src/graph/record.ts';
import { trial } from '../../src/graph/scope.ts';
import { DisposedError, noGrad, tensor } from '../../src/index.ts';
import { Conv2d, Dropout, Sequential } from '../../src/nn/index.ts';

const names = (fn: () => unknown): string[] => trial(fn, (_, nodes) => nodes.map(({ name }) => name));

describe('trial', () => {
  test('hands over what was recorded, and leaves what was recorded before', () => {
    const x = tensor([1, 2, 3]);
    const before = x.relu();
    const pending = [...recorder.nodes];
    expect(names(() => before.exp().mul(x))).toEqual(['exp', 'mul']);
    expect(recorder.nodes).toEqual(pending);
    expect(pending.map(({ name }) => name)).toEqual(['relu']);
  });

  test('does so after an error, too', () => {
    const x = tensor([1, 2, 3]);
    const { nodes } = recorder;
    const fail = () => {
      x.exp();
      throw new Error('no');
    };
    expect(() => trial(fail, () => {})).toThrow('no');
    expect(recorder.nodes).toBe(nodes);
    expect(recorder.scopes).toBe(0);
  });

  test('results have shapes and cannot be used', () => {
    const y = trial(
      () => tensor([1, 2, 3]).exp(),
      (result) => result,
    );
    expect(y.shape).toEqual([3]);
    expect(() => y.relu()).toThrow(
      new DisposedError('relu: an input was freed: explain(), summary() and exports plan, and compute nothing.'),
    );
  });

  test('scopes inside of it run nothing', () => {
    const x = tensor([1, 2, 3]);
    expect(names(() => noGrad(() => x.exp()).log())).toEqual(['exp', 'log']);
  });

  test('a summary needs no device, keeps modes, and takes its recording back', () => {
    const model = new Sequential(new Conv2d(3, 8, 3), new Dropout(0.5));
    const { nodes } = recorder;
    const recorded = nodes.length;
    expect(model.summary({ inputShape: [1, 3, 8, 8] })).toContain('[1, 8, 6, 6]');
    expect(model.modules().every(({ training }) => training)).toBe(true);
    expect([recorder.nodes, recorder.nodes.length]).toEqual([nodes, recorded]);
  });
});
