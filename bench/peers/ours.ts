/** regraft's side of a comparison: a workload of `regraft bench`, or the first logits of a cold process. */
import { join } from 'node:path';
import './count.ts';
import { report, sinceStart } from './peer.ts';

const name = process.argv[2]!;

/** As a program would: weights from a file, one image, the logits read. */
async function startCold(): Promise<void> {
  const { init, noGrad, tensor } = await import('../../src/index.ts');
  const { resnet50 } = await import('../../src/models/index.ts');
  const weights = join(process.env.BENCH_FOLDER!, 'resnet50.safetensors');
  const { description } = await init();
  const model = (await resnet50({ weights })).eval();
  const image = tensor(new Float32Array(3 * 224 * 224).fill(0.5), [1, 3, 224, 224]);
  const ready = sinceStart();
  await noGrad(() => model.forward(image)).data();
  report({ workload: name, ms_median: sinceStart(), ready_ms: ready, adapter: description });
  process.exit(0);
}

if (name.startsWith('resnet50_cold')) await startCold();
else {
  const { runBench, workloads } = await import('../run.ts');
  const chosen = workloads().filter((workload) => workload.name === name);
  process.exitCode = (await runBench(chosen, { json: true, samples: 7 })).length > 0 ? 1 : 0;
}
