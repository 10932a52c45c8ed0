/**
 * ONNX Runtime on regraft's own export of ResNet-50: `ort.mjs WORKLOAD node|web`. Both on the CPU: the build of onnxruntime-web for
 * Node has no WebGPU, and its build for browsers crashes in Dawn as it opens the session.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { report, runWorkload, sinceStart, uniform } from './peer.ts';

const inWasm = process.argv[3] === 'web';
const path = join(process.env.BENCH_FOLDER, 'resnet50.onnx');

const ort = await import(inWasm ? 'onnxruntime-web' : 'onnxruntime-node');
if (inWasm) ort.env.wasm.numThreads = availableParallelism();

const openSession = async () =>
  ort.InferenceSession.create(inWasm ? await readFile(path) : path, { executionProviders: [inWasm ? 'wasm' : 'cpu'] });

async function logits(session, pixels, [batch, size]) {
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', pixels, [batch, 3, size, size]) };
  return (await session.run(feeds))[session.outputNames[0]].getData();
}

/** @throws Error unless it gives the logits that regraft gives. */
async function checkNumbers(session) {
  const { pixels, logits: expected } = JSON.parse(await readFile(join(process.env.BENCH_FOLDER, 'check.json'), 'utf8'));
  const got = await logits(session, Float32Array.from(pixels), [1, 224]);
  const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const apart = expected.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i])), 0) / largest;
  if (!(apart < 1e-3)) throw new Error(`its logits are ${apart} of the largest away from regraft's`);
}

await runWorkload({
  async resnet50_fwd(size, batch) {
    const { measure } = await import('./measure.ts');
    const session = await openSession();
    const pixels = uniform(batch * 3 * size * size);
    await measure(
      async () => void (await logits(session, pixels, [batch, size])),
      () => {},
    );
    await checkNumbers(session);
  },

  async resnet50_cold(size, batch) {
    const session = await openSession();
    report({ ready_ms: sinceStart() });
    await logits(session, uniform(batch * 3 * size * size), [batch, size]);
    report({ ms_median: sinceStart() });
  },
});
