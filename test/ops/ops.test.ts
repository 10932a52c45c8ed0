/** Every op against PyTorch, forward and backward, and its gradient against finite differences: one row, one case. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Shape, sizeOf } from '../../src/core/shape.ts';
import { currentDevice } from '../../src/device/current.ts';
import { init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { ops } from '../../src/ops/index.ts';
import { poisonBuffers } from '../poison.ts';
import { expectClose, opTolerances, tolerances } from '../tolerances.ts';
import { rows } from './cases.ts';
import { fill, type InputSpec, seedOf } from './inputs.ts';
import type { Row } from './row.ts';

interface StoredTensor {
  readonly shape: Shape;
  readonly float32?: string;
  readonly int32?: string;
}

interface Fixture {
  readonly torch: string;
  readonly inputs: readonly InputSpec[];
  readonly output: StoredTensor;
  readonly gradients?: readonly (StoredTensor | null)[];
  readonly updated?: readonly (StoredTensor | null)[];
}

const folder = new URL('../fixtures/ops/', import.meta.url);
const fixtures = new Map<string, Record<string, Fixture>>();
const RERECORD = 'Run scripts/record-op-fixtures.py.';

function fixtureOf(row: Row): Fixture {
  const file = new URL(`${row.op}.json`, folder);
  if (!fixtures.has(row.op)) fixtures.set(row.op, existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
  const fixture = fixtures.get(row.op)?.[row.name];
  if (!fixture) throw new Error(`no fixture for this row. ${RERECORD}`);
  const same = fixture.torch === row.torch && JSON.stringify(fixture.inputs) === JSON.stringify(row.inputs);
  if (!same) throw new Error(`the fixture was recorded from another version of this row. ${RERECORD}`);
  return fixture;
}

function values(stored: StoredTensor): Float32Array | Int32Array {
  const bytes = Uint8Array.from(atob(stored.float32 ?? stored.int32 ?? ''), (c) => c.charCodeAt(0));
  return stored.float32 === undefined ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

const seed = (row: Row): number => seedOf(`${row.op}: ${row.name}`);
const needsGradient = (spec: InputSpec): boolean => spec.grad !== false;

const arraysOf = (row: Row) => row.inputs.map((spec, i) => fill(spec, (seed(row) + i) >>> 0));

const tensorsOf = (row: Row, arrays: readonly (Float32Array | Int32Array)[]): Tensor[] =>
  row.inputs.map((spec, i) => tensor(arrays[i]!, spec.shape, { requires_grad: needsGradient(spec) }));

/** The gradient that backward starts from. */
const gradientFor = (row: Row, shape: Shape): Float32Array =>
  fill({ shape, kind: 'uniform' }, (seed(row) + 100) >>> 0) as Float32Array;

const shortName = (row: Row): string => `${row.op}: ${row.name}`;

beforeAll(async () => {
  await init();
  poisonBuffers(currentDevice());
});

describe('the table', () => {
  test('has a row for every registered op', () => {
    const registered = [...ops.keys()];
    const named = new Set([...rows.map((row) => row.op), 'dropout']); // dropout.test.ts
    expect(registered.length).toBeGreaterThan(0);
    expect(registered.filter((name) => !named.has(name))).toEqual([]);
  });

  test('names each row once', () => {
    const names = rows.map(shortName);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('has no fixture that no row uses', () => {
    const used = new Set(rows.map(shortName));
    const stored = readdirSync(folder).flatMap((file) =>
      Object.keys(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))).map(
        (name) => `${file.slice(0, -5)}: ${name}`,
      ),
    );
    expect(stored.filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('matches PyTorch', () => {
  test.each(rows.map((row) => [shortName(row), row] as const))('%s', async (_, row) => {
    const fixture = fixtureOf(row);
    const [outputTolerance, gradientTolerance] = row.tolerance
      ? [row.tolerance, row.tolerance]
      : (opTolerances[row.op] ?? (['rounded', 'accumulated'] as const));
    const inputs = tensorsOf(row, arraysOf(row));
    const y = row.run(...inputs);
    expect(y.shape).toEqual(fixture.output.shape);
    expect(y.dtype).toBe(fixture.output.float32 === undefined ? 'int32' : 'float32');
    expect(y.requires_grad).toBe(fixture.gradients !== undefined);
    if (fixture.gradients) y.backward(tensor(gradientFor(row, y.shape), y.shape));
    expectClose('output', await y.data(), values(fixture.output), tolerances[outputTolerance]);
    for (const [i, want] of (fixture.gradients ?? []).entries()) {
      const grad = inputs[i]!.grad;
      if (!want) {
        expect(grad).toBeNull();
        continue;
      }
      expect(grad?.shape).toEqual(inputs[i]!.shape);
      expectClose(`gradient ${i}`, await grad!.data(), values(want), tolerances[gradientTolerance]);
    }
    for (const [i, want] of (fixture.updated ?? []).entries())
      if (want) expectClose(`updated input ${i}`, await inputs[i]!.data(), values(want), tolerances[outputTolerance]);
  });
});

const STEP = 2 ** -8;
const ELEMENTS = 2;

/** The sum over the output of output times the gradient that backward starts from: what backward differentiates. */
async function objective(row: Row, arrays: readonly (Float32Array | Int32Array)[]): Promise<Float64Array> {
  const y = noGrad(() => row.run(...row.inputs.map((spec, i) => tensor(arrays[i]!, spec.shape))));
  const g = gradientFor(row, y.shape);
  return Float64Array.from(await y.data(), (v, i) => v * g[i]!);
}

describe('matches finite differences', () => {
  const smooth = rows.filter((row) => row.smooth && row.inputs.some(needsGradient) && fixtureOf(row).gradients);
  test.each(smooth.map((row) => [shortName(row), row] as const))('%s', async (_, row) => {
    const arrays = arraysOf(row);
    const inputs = tensorsOf(row, arrays);
    const y = row.run(...inputs);
    y.backward(tensor(gradientFor(row, y.shape), y.shape));
    for (const [i, spec] of row.inputs.entries()) {
      if (!needsGradient(spec)) continue;
      const gradient = await inputs[i]!.grad!.data();
      const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      for (let k = 0; k < Math.min(ELEMENTS, sizeOf(spec.shape)); k++) {
        const at = seedOf(`${shortName(row)} ${i} ${k}`) % gradient.length;
        const moved = async (by: number) => {
          const copy = arrays.map((a) => a.slice());
          copy[i]![at]! += by;
          return { at: copy[i]![at]!, terms: await objective(row, copy) };
        };
        const [up, down] = [await moved(STEP), await moved(-STEP)];
        const slope = up.terms.reduce((sum, v, j) => sum + v - down.terms[j]!, 0) / (up.at - down.at);
        const { relative, scale } = tolerances.finiteDifference;
        const allowed = relative * Math.abs(slope) + scale * largest + scale;
        if (!(Math.abs(gradient[at]! - slope) <= allowed))
          throw new Error(`gradient ${i}, element ${at} is ${gradient[at]}, finite differences give ${slope}.`);
      }
    }
  });
});
