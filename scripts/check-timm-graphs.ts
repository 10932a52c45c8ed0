/**
 * Compares the networks that record-timm-graphs.py exported with what ONNX Runtime gave, and trains each for three steps:
 *
 *   npx tsx --conditions=regraft-source scripts/check-timm-graphs.ts FOLDER [PART OF A NAME]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { init, noGrad, step, tensor } from '../src/index.ts';
import { onnx } from '../src/models/index.ts';
import { crossEntropy } from '../src/nn/index.ts';
import { clipGradNorm, SGD } from '../src/optim/index.ts';

const [folder, part = ''] = process.argv.slice(2) as [string, string?];
const { rows } = JSON.parse(readFileSync(join(folder, 'timm.json'), 'utf8')) as {
  readonly rows: readonly { readonly file: string; readonly shape: number[]; readonly output: readonly number[] }[];
};

async function check(file: string, shape: readonly number[], output: readonly number[]): Promise<string> {
  const model = (await onnx.loadModel(join(folder, file))).eval();
  const bytes = readFileSync(join(folder, file.replace(/-\w+\.onnx$/, '.input')));
  const pixels = new Float32Array(Uint8Array.from(bytes).buffer);
  const x = () => tensor(pixels.slice(), shape);
  const ours = await noGrad(() => model.forward(x())).data();
  const largest = output.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const apart = output.reduce((most, v, i) => Math.max(most, Math.abs(v - ours[i]!)), 0) / largest;
  const optimizer = new SGD(model.parameters(), { lr: 1e-2 });
  const losses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const loss = await step(() => {
      const value = crossEntropy(model.forward(x()), tensor(Int32Array.of(3, 7)));
      value.backward();
      clipGradNorm(model.parameters(), 1);
      optimizer.step();
      optimizer.zeroGrad();
      return value;
    });
    losses.push(await loss.item());
  }
  const falls = losses.at(-1)! < losses[0]!;
  const verdict = apart < 1e-4 && falls ? 'ok' : 'NOT EQUAL';
  return `${verdict}: ${apart.toExponential(1)}, loss ${losses.map((v) => v.toFixed(3)).join(' ')}, head ${model.graph.head}`;
}

await init();
for (const { file, shape, output } of rows)
  if (file.includes(part))
    console.log(
      file,
      await check(file, shape, output).catch((error: Error) => `FAILS: ${error.message.slice(0, 600)}`),
    );
process.exit(0);
