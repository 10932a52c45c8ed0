/** A group in the making: what it loads, and what it can take over. */
import { describe, expect, test } from 'vitest';
import { Draft } from '../../src/graph/draft.ts';
import { type PlannedNode, recordElementwise, recordKernel, recordUpdate } from '../../src/graph/record.ts';
import { trial } from '../../src/graph/scope.ts';
import { hostValue, slotValue, type Value } from '../../src/graph/value.ts';
import { ADD, RELU } from '../../src/kernels/expressions.ts';

const value = (...shape: number[]): Value =>
  hostValue(shape, 'float32', () => new Float32Array(shape.reduce((n, d) => n * d, 1)));

/** A draft of each node that `record` records, in order. */
const drafts = (record: () => unknown): Draft[] =>
  trial(record, (_, nodes) => nodes.map((node, at) => new Draft(node as PlannedNode, at)));

const kernel = (name: string, ...inputs: Value[]): Value =>
  recordKernel(name, inputs, [{ shape: inputs[0]!.shape }], {
    key: name,
    lower: () => ({ steps: [] }),
    fuses: 'epilogue',
  })[0]!;

/** So many bindings, of which every buffer takes one. */
const binding = (maxBindings: number) => ({ maxBindings, bindingsOf: () => 1 });

describe('Draft', () => {
  test('loads a buffer once for each way of reading it', () => {
    const [x, bias] = [value(2, 3), value(3)];
    const [draft] = drafts(() => recordElementwise('add', ADD, [x, bias], [2, 3]));
    const of = (v: Value) => draft!.load(v, [2, 3]);
    expect([of(x), of(bias), of(x)]).toMatchObject([{ read: 0 }, { read: 1, access: { kind: 'period' } }, { read: 0 }]);
    // The same buffer as [3, 2], whose rows are other elements.
    expect(draft!.load({ shape: [3], data: bias.data }, [3, 3])).toMatchObject({ read: 1 });
    expect(draft!.load({ shape: [3, 1], data: bias.data }, [3, 2])).toMatchObject({ read: 2 });
    expect(draft!.reads).toEqual([x.data, bias.data, bias.data]);
  });

  test('adopts another: its expression with the loads of the group, its size, its place, its kernel', () => {
    const [x, w, b] = [value(4), value(4), value(4)];
    const [product, added, last] = drafts(() => {
      const y = kernel('product', x, w);
      const z = recordElementwise('add', ADD, [y, b], [4]);
      recordElementwise('add', ADD, [b, z], [4]);
    });
    product!.expression = { kind: 'value' };
    added!.expression = {
      kind: 'apply',
      wgsl: ADD,
      args: [added!.adopt(product!), added!.load(b, [4])],
      scalars: [],
    };
    expect(added).toMatchObject({ size: 2, first: 0, anchor: { name: 'product' } });
    last!.load(x, [4]);
    const taken = last!.adopt(added!);
    expect(taken).toMatchObject({ args: [{ kind: 'value' }, { kind: 'load', read: 1 }] });
    expect(last).toMatchObject({ size: 3, first: 0, anchor: { name: 'product' } });
    expect(last!.reads).toEqual([x.data, b.data, x.data, w.data]);
    // What was adopted is left as it was.
    expect(added!.expression).toMatchObject({ args: [{ kind: 'value' }, { read: 0 }] });
  });

  test('adopts one kernel at most, and no more buffers than a kernel may bind', () => {
    const [x, w] = [value(4), value(4)];
    const [one, other, sum] = drafts(() => {
      recordElementwise('add', ADD, [kernel('one', x, w), kernel('other', x, w)], [4]);
    });
    // Two inputs and the output of the kernel, two inputs of the sum.
    expect([sum!.canAdopt(one!, binding(5)), sum!.canAdopt(one!, binding(4))]).toEqual([true, false]);
    one!.expression = { kind: 'value' };
    sum!.adopt(one!);
    expect(sum!.canAdopt(other!, binding(100))).toBe(false);
  });

  test('of an optimizer’s step has its state to bind too, and scalars that change', () => {
    const slots = [slotValue([4], 'float32', () => new Float32Array(4)), value(4)];
    const [gradient, update] = drafts(() => {
      const g = kernel('gradient', value(4));
      recordUpdate([g], slots, { name: 'sgd', key: '', scalars: [0.1], update: () => ({}) as never });
    });
    expect(update!.dynamic).toBe(true);
    // Input and output of the kernel, two slots, the gradient.
    expect([update!.canAdopt(gradient!, binding(5)), update!.canAdopt(gradient!, binding(4))]).toEqual([true, false]);
    // The parameter alone is in five parts.
    const inParts = (maxBindings: number) => ({
      maxBindings,
      bindingsOf: (data: unknown) => (data === update!.root.outputs[0] ? 5 : 1),
    });
    expect([update!.canAdopt(gradient!, inParts(9)), update!.canAdopt(gradient!, inParts(8))]).toEqual([true, false]);
  });

  test('is dynamic if a member is', () => {
    const x = value(4);
    const [scaled, sum] = drafts(() => {
      const y = recordElementwise('scale', 'a * s', [x], [4], { scalars: [2], dynamic: true });
      recordElementwise('relu', RELU, [y], [4]);
    });
    scaled!.expression = { kind: 'apply', wgsl: 'a * s', args: [scaled!.load(x, [4])], scalars: [] };
    expect(sum!.dynamic).toBe(false);
    sum!.adopt(scaled!);
    expect(sum!.dynamic).toBe(true);
  });

  test('has one text for the same work on other buffers, and another for other work', () => {
    const text = (wgsl: string, shape: number[], options = {}) => {
      const [draft] = drafts(() => recordElementwise('op', wgsl, [value(...shape)], [4, 3], options));
      draft!.load(value(...shape), [4, 3]);
      return draft!.text;
    };
    const plain = text(RELU, [4, 3]);
    expect(text(RELU, [4, 3])).toBe(plain);
    expect(text('a', [4, 3])).not.toBe(plain);
    expect(text(RELU, [3])).not.toBe(plain);
    const scaled = (scalars: number[], dynamic: boolean) => text('a * s', [4, 3], { scalars, dynamic });
    expect(scaled([2], false)).not.toBe(scaled([3], false));
    expect(scaled([2], true)).toBe(scaled([3], true));
  });
});
