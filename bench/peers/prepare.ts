/**
 * Writes into the folder of the command line what the other processes read: a ResNet-50 of random weights for regraft, the same as ONNX
 * for ONNX Runtime (batch norms folded), and its logits for an image, by which ONNX Runtime is checked.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { init, noGrad, tensor } from '../../src/index.ts';
import { exportOnnx, writeWeights } from '../../src/io/index.ts';
import { resnet50 } from '../../src/models/index.ts';
import { uniform } from '../values.ts';

const [folder] = process.argv.slice(2) as [string];
const inputShape = [1, 3, 224, 224];
const pixels = uniform(3 * 224 * 224, 5);
await init();
const model = (await resnet50({ seed: 1 })).eval();
const logits = await noGrad(() => model.forward(tensor(pixels, inputShape))).data();
await writeWeights(join(folder, 'resnet50.safetensors'), model.stateDict());
await exportOnnx(model, join(folder, 'resnet50.onnx'), { inputShape, foldBatchNorm: true });
await writeFile(join(folder, 'check.json'), JSON.stringify({ pixels: [...pixels], logits: [...logits] }));
process.exit(0);
