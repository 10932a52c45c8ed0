/**
 * regraft's cold start as of a program that installed it: the compiled package and nothing else is loaded; weights from a file, one image,
 * the logits.
 */
import { join } from 'node:path';
import { init, noGrad, tensor } from '../../dist/src/index.js';
import { resnet50 } from '../../dist/src/models/index.js';

const sinceStart = () => Date.now() - Number(process.env.BENCH_STARTED);

const { description } = await init();
const model = (await resnet50({ weights: join(process.env.BENCH_FOLDER, 'resnet50.safetensors') })).eval();
const image = tensor(new Float32Array(3 * 224 * 224).fill(0.5), [1, 3, 224, 224]);
const ready = sinceStart();
const logits = await noGrad(() => model.forward(image)).data();
const ms = sinceStart();
if (!logits.every(Number.isFinite)) throw new Error('the logits are not numbers');
console.log(JSON.stringify({ workload: process.argv[2], ms_median: ms, ready_ms: ready, adapter: description }));
process.exit(0);
