/**
 * Checks that ONNX Runtime computes from exported files what regraft computes. onnxruntime-node is no dependency: say where it is.
 *
 * npx tsx --conditions=regraft-source scripts/check-onnx.ts FOLDER_WITH_NODE_MODULES [MODEL…] [--in FILE.onnx]
 *
 * Every op by itself, then each model (resnet50, squeezenet1_1, … by default), which gets random weights and statistics, is written with its batch norms kept and
 * folded, and is run on a batch of 2. With --in, an ONNX file that another program exported is loaded into the first model and run
 * by both.
 */

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Generator, init, noGrad, type Tensor, tensor } from '../src/index.ts';
import { exportOnnx, readWeightFile, targetOf } from '../src/io/index.ts';
import { MODELS } from '../src/models/registry.ts';
import { BatchNorm2d, type Module } from '../src/nn/index.ts';
import { CASE_SHAPE, CASES } from '../test/io/onnx-cases.ts';

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array; dims: readonly number[] }>>;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}
interface Runtime {
  InferenceSession: { create(path: string): Promise<Session> };
  Tensor: new (type: string, data: Float32Array, dims: readonly number[]) => unknown;
}

const BAR = 1e-4;
const { positionals, values } = parseArgs({ allowPositionals: true, options: { in: { type: 'string' } } });
const [folder, ...named] = positionals;
if (folder === undefined) throw new Error('Usage: check-onnx.ts FOLDER_WITH_NODE_MODULES [MODEL…] [--in FILE.onnx]');
const ort = createRequire(join(resolve(folder), 'package.json'))('onnxruntime-node') as Runtime;
const models = named.length > 0 ? named : ['resnet50', 'squeezenet1_1', 'squeezenet1_0', 'cifarResnet20'];
const temporary = await mkdtemp(join(tmpdir(), 'regraft-onnx-'));
const info = await init();
console.log(`${info.description} ${info.architecture}`);

/** Statistics as training leaves them: far from 0 and 1. */
function shake(model: Module): void {
  const generator = new Generator(3);
  const uniform = (n: number, low: number, high: number) =>
    Float32Array.from({ length: n }, () => low + (high - low) * generator.uniform());
  for (const norm of model.modules().filter((m) => m instanceof BatchNorm2d)) {
    const n = norm.numFeatures;
    norm.weight?.set(uniform(n, 0.25, 0.75));
    norm.bias?.set(uniform(n, -0.1, 0.1));
    norm.running_mean?.set(uniform(n, -0.1, 0.1));
    norm.running_var?.set(uniform(n, 0.5, 1.5));
  }
}

function largestDifference(a: Float32Array, b: Float32Array): { difference: number; largest: number } {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    if (Number.isNaN(a[i]) !== Number.isNaN(b[i])) difference = Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(a[i]!));
  }
  if (a.length !== b.length) throw new Error(`${a.length} outputs against ${b.length}`);
  return { difference, largest };
}

async function compare(label: string, model: Module, path: string, x: Tensor): Promise<void> {
  const ours = await noGrad(() => model.forward(x)).data();
  const session = await ort.InferenceSession.create(path);
  const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', await x.data(), x.shape) };
  const theirs = (await session.run(feeds))[session.outputNames[0]!]!.data;
  const { difference, largest } = largestDifference(ours, theirs);
  const passed = difference <= BAR * Math.max(1, largest);
  if (!passed) process.exitCode = 1;
  const size = (await stat(path)).size.toLocaleString('en-US');
  console.log(
    `${passed ? 'ok  ' : 'FAIL'} ${label.padEnd(28)} ${size.padStart(12)} bytes, largest output ${largest.toPrecision(4)}, ` +
      `largest difference ${difference.toExponential(2)}`,
  );
}

try {
  for (const [name, model] of named.length > 0 || values.in !== undefined ? [] : CASES) {
    const path = join(temporary, 'case.onnx');
    const generator = new Generator(7);
    const size = CASE_SHAPE.reduce((n, d) => n * d, 1);
    const x = tensor(
      Float32Array.from({ length: size }, () => generator.normal()),
      CASE_SHAPE,
    );
    await exportOnnx(model, path, { inputShape: CASE_SHAPE });
    await compare(`op ${name}`, model, path, x);
  }
  for (const name of values.in === undefined ? models : []) {
    const entry = MODELS[name]!;
    const model = (await entry.create({ seed: 1 })).eval();
    shake(model);
    const shape = [2, 3, entry.inputSize, entry.inputSize];
    const generator = new Generator(5);
    const x = tensor(
      Float32Array.from({ length: 2 * 3 * entry.inputSize ** 2 }, () => generator.normal()),
      shape,
    );
    for (const foldBatchNorm of [false, true]) {
      const path = join(temporary, `${name}.onnx`);
      await exportOnnx(model, path, { inputShape: [1, ...shape.slice(1)], foldBatchNorm });
      await compare(`${name}, batch norms ${foldBatchNorm ? 'folded' : 'kept'}`, model, path, x);
    }
  }
  if (values.in !== undefined) {
    const entry = MODELS[models[0]!]!;
    const model = (await entry.create()).eval();
    const { state, notes } = await readWeightFile(values.in, targetOf(model));
    model.loadStateDict(state);
    for (const note of notes) console.log(`     ${note}`);
    const generator = new Generator(5);
    const x = tensor(
      Float32Array.from({ length: 3 * entry.inputSize ** 2 }, () => generator.normal()),
      [1, 3, entry.inputSize, entry.inputSize],
    );
    await compare(`${models[0]} from ${values.in}`, model, values.in, x);
  }
} finally {
  await rm(temporary, { recursive: true });
}
