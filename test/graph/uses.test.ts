/** Who makes, reads and overwrites the data of a graph, read off recorded nodes. */
import { describe, expect, test } from 'vitest';
import { type PlannedNode, recordAssign, recordElementwise, recordUpdate } from '../../src/graph/record.ts';
import { trial } from '../../src/graph/scope.ts';
import { type Uses, usesOf } from '../../src/graph/uses.ts';
import { hostValue, slotValue, type Value } from '../../src/graph/value.ts';
import { ADD, RELU } from '../../src/kernels/expressions.ts';

const host = () => new Float32Array(4);
const relu = (x: Value) => recordElementwise('relu', RELU, [x], x.shape);

/** What `record` records, and its result. */
function uses<T>(record: () => T): { uses: Uses; nodes: readonly PlannedNode[]; result: T } {
  return trial(record, (result, nodes) => {
    const planned = nodes as readonly PlannedNode[];
    return { uses: usesOf(planned), nodes: planned, result };
  });
}

describe('usesOf', () => {
  test('live is what somebody keeps or updates, and all that it needs', () => {
    const x = hostValue([4], 'float32', host);
    const slot = slotValue([4], 'float32', host);
    const found = uses(() => {
      const shown = relu(relu(x));
      shown.data.visible = true;
      const unseen = relu(x);
      recordAssign('total', ADD, slot, [slot, relu(x)]);
      return { shown, unseen };
    });
    const [first, second, unseen, fourth, assign] = found.nodes;
    expect([...found.uses.live]).toEqual(expect.arrayContaining([first, second, fourth, assign]));
    expect(found.uses.live.has(unseen!)).toBe(false);
  });

  test('producers, live readers, and writes in place between two positions', () => {
    const x = hostValue([4], 'float32', host);
    const slot = slotValue([4], 'float32', host);
    const found = uses(() => {
      const a = relu(x);
      const sum = recordElementwise('add', ADD, [a, a], a.shape);
      sum.data.visible = true;
      relu(a);
      recordAssign('slot', ADD, slot, [slot, a]);
      return { a, sum };
    });
    const { a, sum } = found.result;
    expect(found.uses.producer(a.data)).toBe(found.nodes[0]);
    expect(found.uses.producer(x.data)).toBeUndefined();
    // A slot is updated, not made.
    expect(found.uses.producer(slot.data)).toBeUndefined();
    // The sum and the update; nobody sees the other ReLU.
    expect(found.uses.readers(a.data)).toBe(2);
    expect(found.uses.readers(sum.data)).toBe(0);
    const written = (from: number, to: number) => found.uses.isWritten(slot.data, from, to);
    expect([written(0, 4), written(3, 4), written(0, 3)]).toEqual([true, false, false]);
    expect(found.uses.isWritten(a.data, 0, 4)).toBe(false);
  });

  test('scalars are numbered through the graph, those of nodes that do not run included', () => {
    const x = hostValue([4], 'float32', host);
    const slot = slotValue([4], 'float32', host);
    const scaled = (...scalars: number[]) => recordElementwise('scale', 'a * s + t', [x], x.shape, { scalars });
    const { uses: found, nodes } = uses(() => {
      scaled(2, 3);
      relu(x);
      const gradient = scaled(4, 5);
      const update = () => ({}) as never;
      recordUpdate([gradient], [slot], { name: 'sgd', key: '', scalars: [0.1], update });
    });
    expect(nodes.map((node) => found.scalars(node))).toEqual([
      [
        { id: 0, value: 2 },
        { id: 1, value: 3 },
      ],
      [],
      [
        { id: 2, value: 4 },
        { id: 3, value: 5 },
      ],
      [{ id: 4, value: 0.1 }],
    ]);
  });
});
