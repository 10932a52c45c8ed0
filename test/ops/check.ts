/** How a row of the op table is checked: against what PyTorch gave, and its gradient against finite differences. */
import { type Shape, sizeOf } from '../../src/core/shape.ts';
import { hasFloat16 } from '../../src/device/adapter.ts';
import { currentDevice } from '../../src/device/current.ts';
import { noGrad, type Tensor, tensor } from '../../src/index.ts';
import { type Check, type Measurement, measured, same } from '../measurement.ts';
import { opTolerances, tolerances } from '../tolerances.ts';
import { rows } from './cases.ts';
import { fill, type InputSpec, seedOf } from './inputs.ts';
import type { Row } from './row.ts';

interface StoredTensor {
  readonly shape: Shape;
  readonly float32?: string;
  readonly int32?: string;
}

/** What was recorded for a row. */
export interface Fixture {
  readonly torch: string;
  readonly inputs: readonly InputSpec[];
  readonly output: StoredTensor;
  readonly gradients?: readonly (StoredTensor | null)[];
  readonly updated?: readonly (StoredTensor | null)[];
}

/** The fixtures of one op by the names of its rows: a file of test/fixtures/ops. */
export type Fixtures = Readonly<Record<string, Fixture>>;

/** Every op of the table, in its order. */
export const opNames: readonly string[] = [...new Set(rows.map((row) => row.op))];

const rowsOf = (op: string): Row[] => rows.filter((row) => row.op === op);

/** The rows of `op` against PyTorch, forward and backward. */
export const torchChecks = (op: string, fixtures: Fixtures): Check[] =>
  rowsOf(op).map((row) => ({
    subject: op,
    name: row.name,
    measure: () => matchTorch(row, fixtureOf(row, fixtures)),
  }));

/** The rows of `op` that have a gradient and are smooth, against finite differences. */
export const differenceChecks = (op: string, fixtures: Fixtures): Check[] =>
  rowsOf(op)
    .filter((row) => row.smooth && row.inputs.some(needsGradient) && fixtures[row.name]?.gradients)
    .map((row) => ({ subject: op, name: row.name, measure: () => matchDifferences(row) }));

const RERECORD = 'Run scripts/record-op-fixtures.py.';

function fixtureOf(row: Row, fixtures: Fixtures): Fixture {
  const fixture = fixtures[row.name];
  if (!fixture) throw new Error(`no fixture for this row. ${RERECORD}`);
  const current = fixture.torch === row.torch && JSON.stringify(fixture.inputs) === JSON.stringify(row.inputs);
  if (!current) throw new Error(`the fixture was recorded from another version of this row. ${RERECORD}`);
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
  row.inputs.map((spec, i) =>
    tensor(arrays[i]!, spec.shape, { requires_grad: needsGradient(spec), ...(spec.half && { dtype: 'float16' }) }),
  );

/** The gradient that backward starts from. */
const gradientFor = (row: Row, shape: Shape): Float32Array =>
  fill({ shape, kind: 'uniform' }, (seed(row) + 100) >>> 0) as Float32Array;

/** What an adapter without 16-bit floats makes of a row that wants them: a clear word, and nothing else. */
function refusesFloat16(row: Row): Measurement {
  const { info } = currentDevice();
  const word = `DeviceError: tensor: this adapter (${info.description}) has no 16-bit floats (shader-f16). Keep to float32, or take another adapter.`;
  let found = 'no error';
  try {
    tensorsOf(row, arraysOf(row));
  } catch (error) {
    found = String(error);
  }
  return same('refusal', found, word);
}

async function matchTorch(row: Row, fixture: Fixture): Promise<Measurement[]> {
  const [output, gradient] = row.tolerance
    ? [row.tolerance, row.tolerance]
    : (opTolerances[row.op] ?? (['rounded', 'accumulated'] as const));
  const half = row.inputs.some((spec) => spec.half);
  if (half && !hasFloat16(currentDevice().info)) return [refusesFloat16(row)];
  const inputs = tensorsOf(row, arraysOf(row));
  const y = row.run(...inputs);
  const float = half ? 'float16' : 'float32';
  const found = [
    same('shape', y.shape, fixture.output.shape),
    same('dtype', y.dtype, fixture.output.float32 === undefined ? 'int32' : float),
    same('requires_grad', y.requires_grad, fixture.gradients !== undefined),
  ];
  if (found.some(({ fault }) => fault)) return found;
  if (fixture.gradients) y.backward(tensor(gradientFor(row, y.shape), y.shape));
  found.push(measured('forward', 'output', await y.data(), values(fixture.output), output));
  for (const [i, want] of (fixture.gradients ?? []).entries()) {
    const grad = inputs[i]!.grad;
    found.push(same(`shape of gradient ${i}`, grad?.shape ?? null, want && inputs[i]!.shape));
    if (grad && want) found.push(measured('gradient', `gradient ${i}`, await grad.data(), values(want), gradient));
  }
  for (const [i, want] of (fixture.updated ?? []).entries())
    if (want) found.push(measured('forward', `updated input ${i}`, await inputs[i]!.data(), values(want), output));
  return found;
}

const STEP = 2 ** -8;
const ELEMENTS = 2;

/** The sum over the output of output times the gradient that backward starts from: what backward differentiates. */
async function objective(row: Row, arrays: readonly (Float32Array | Int32Array)[]): Promise<Float64Array> {
  const y = noGrad(() => row.run(...row.inputs.map((spec, i) => tensor(arrays[i]!, spec.shape))));
  const g = gradientFor(row, y.shape);
  return Float64Array.from(await y.data(), (v, i) => v * g[i]!);
}

async function matchDifferences(row: Row): Promise<Measurement[]> {
  const arrays = arraysOf(row);
  const inputs = tensorsOf(row, arrays);
  const y = row.run(...inputs);
  y.backward(tensor(gradientFor(row, y.shape), y.shape));
  const found: Measurement[] = [];
  for (const [i, spec] of row.inputs.entries()) {
    if (!needsGradient(spec)) continue;
    const gradient = await inputs[i]!.grad!.data();
    const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    for (let k = 0; k < Math.min(ELEMENTS, sizeOf(spec.shape)); k++) {
      const at = seedOf(`${row.op}: ${row.name} ${i} ${k}`) % gradient.length;
      const slope = await slopeAt(row, arrays, i, at);
      found.push(matchSlope(`gradient ${i}, element ${at}`, gradient[at]!, slope, largest));
    }
  }
  return found;
}

/** The objective's central difference along one element of input `i`. */
async function slopeAt(
  row: Row,
  arrays: readonly (Float32Array | Int32Array)[],
  i: number,
  at: number,
): Promise<number> {
  const moved = async (by: number) => {
    const copy = arrays.map((a) => a.slice());
    copy[i]![at]! += by;
    return { at: copy[i]![at]!, terms: await objective(row, copy) };
  };
  const [up, down] = [await moved(STEP), await moved(-STEP)];
  return up.terms.reduce((sum, v, j) => sum + v - down.terms[j]!, 0) / (up.at - down.at);
}

function matchSlope(what: string, got: number, slope: number, largest: number): Measurement {
  const { relative, scale } = tolerances.finiteDifference;
  const difference = Math.abs(got - slope);
  const share = difference / (relative * Math.abs(slope) + scale * largest + scale);
  const fault = share <= 1 ? {} : { fault: `is ${got}, finite differences give ${slope}` };
  const error = difference / (largest || 1);
  return { aspect: 'differences', what, error, share, tolerance: 'finiteDifference', ...fault };
}
