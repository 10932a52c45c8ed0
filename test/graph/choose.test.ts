/** Choices and packed operands as the planner makes kernels of them. */
import { describe, expect, test } from 'vitest';
import { choose } from '../../src/graph/choose.ts';
import { type PlannedNode, recordAssign, recordKernel } from '../../src/graph/record.ts';
import { trial } from '../../src/graph/scope.ts';
import { hostValue, slotValue, type Value } from '../../src/graph/value.ts';
import { SAME } from '../../src/kernels/expressions.ts';
import type { Choice, KernelTarget } from '../../src/kernels/kernel.ts';
import { cast } from '../../src/ops/cast.ts';
import { TARGETS } from '../kernels/catalog.ts';

const gpu = TARGETS['GPU, subgroups of 32']!;
const host = () => new Float32Array(4);
const lower = () => ({ steps: [] });
const packing = { input: 1, key: 'panels', elements: 8, lower };

/** A node of [x, w] that makes `choice`. */
const record = (x: Value, w: Value, choice: Choice | ((target: KernelTarget) => Choice)): Value =>
  recordKernel('product', [x, w], [{ shape: [4] }], {
    key: '4',
    choose: (target) => (typeof choice === 'function' ? choice(target) : choice),
    samplewise: true,
  })[0]!;

const chosen = (fn: () => unknown): PlannedNode[] => trial(fn, (_, nodes) => choose(nodes, gpu));

describe('choose', () => {
  test('puts the chosen kernel in place of the choice', () => {
    const [x, w] = [hostValue([4], 'float32', host), slotValue([4], 'float32', host)];
    const [node, ...rest] = chosen(() => record(x, w, { key: 'fast', lower }));
    expect(node).toMatchObject({ kind: 'kernel', name: 'product', key: 'fast,4', inputs: [x, w] });
    expect(rest).toEqual([]);
  });

  test('tells the choice the adapter, the types of the operands and how much larger a full batch is', () => {
    const [x, w] = [hostValue([4], 'float32', host), slotValue([4], 'float16', () => new Uint16Array(4))];
    x.data.batchScale = 8;
    let seen: KernelTarget | undefined;
    chosen(() =>
      record(x, w, (target) => {
        seen = target;
        return { key: '', lower };
      }),
    );
    expect(seen).toMatchObject({ software: false, subgroupSize: 32, batchScale: 8 });
    expect([0, 1].map((index) => seen!.isFloat16!({ kind: 'input', index }))).toEqual([false, true]);
  });

  test('packs an operand in a node of its own, right before', () => {
    const [x, w] = [hostValue([4], 'float32', host), slotValue([4], 'float32', host)];
    const [pack, node] = chosen(() => record(x, w, { key: 'fast', lower, packing })) as [PlannedNode, PlannedNode];
    expect(pack).toMatchObject({ kind: 'kernel', name: 'product.pack', key: 'panels', inputs: [w] });
    expect(pack.outputs[0]).toMatchObject({ count: 8, dtype: 'float32' });
    expect(node.inputs[0]).toBe(x);
    expect(node.inputs[1]!.data).toBe(pack.outputs[0]);
  });

  test('packs what a converted operand comes from, unless that has changed since', () => {
    const [x, w] = [hostValue([4], 'float16', () => new Uint16Array(4)), slotValue([4], 'float32', host)];
    const packed = (between: () => void) =>
      chosen(() => {
        const half = cast(w, 'float16');
        between();
        record(x, half, { key: 'fast', lower, packing });
      }).at(-2)!;
    const plain = packed(() => {});
    expect(plain.inputs[0]!.data).toBe(w.data);
    expect(plain.outputs[0]!.dtype).toBe('float16');
    const changed = packed(() => recordAssign('w', SAME, w, [x]));
    expect(changed.inputs[0]!.data).not.toBe(w.data);
    expect(changed.inputs[0]!.data.dtype).toBe('float16');
  });
});
