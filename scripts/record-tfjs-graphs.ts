/**
 * Records what @tensorflow/tfjs gives for the graph models of test/models/tfjs-graph-cases.ts, on its CPU backend, as
 * test/fixtures/models/tfjs-graphs.json.
 *
 *   npm install --prefix FOLDER @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-converter@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0
 *   npx tsx --conditions=regraft-source scripts/record-tfjs-graphs.ts FOLDER [DATA]
 *
 * and, of a folder of real data, what it gives for odd/tfjs/graph-small.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { GRAPH_CASES, type GraphCase, mobileNetV2, valuesOf } from '../test/models/tfjs-graph-cases.ts';

const folder = resolve(process.argv[2]!);
const require = createRequire(join(folder, 'package.json'));
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const { loadGraphModel } = require('@tensorflow/tfjs-converter');

async function record(given: GraphCase) {
  const { json, shard } = given.files;
  const { modelTopology, weightsManifest, ...rest } = JSON.parse(json);
  const weightSpecs = weightsManifest[0].weights;
  const artifacts = { ...rest, modelTopology, weightSpecs, weightData: shard.buffer };
  const model = await loadGraphModel(tf.io.fromMemory(artifacts));
  const [output] = Object.keys(rest.signature.outputs) as [string];
  const inputs = Object.fromEntries(
    Object.keys(rest.signature.inputs).map((name, i) => [name, tf.tensor(valuesOf(given)[i], given.inputs[i])]),
  );
  const y = await model.execute(inputs, output);
  return {
    name: given.name,
    shape: y.shape,
    data: Array.from(await y.data(), (v) => Number((v as number).toPrecision(7))),
  };
}

/** Of pages 0 to 9, a network of a page and a time. */
async function recordSmall(model: string) {
  const { weightsManifest, ...rest } = JSON.parse(readFileSync(join(model, 'model.json'), 'utf8'));
  const weightData = Uint8Array.from(readFileSync(join(model, 'group1-shard1of1.bin'))).buffer;
  const loaded = await loadGraphModel(
    tf.io.fromMemory({ ...rest, weightSpecs: weightsManifest[0].weights, weightData }),
  );
  const numbers = (f: (i: number) => number) =>
    tf.tensor(
      Int32Array.from({ length: 10 }, (_, i) => f(i)),
      [10],
      'int32',
    );
  const y = loaded.execute({ 'cur_page:0': numbers((i) => 10 * i), 'session_index:0': numbers((i) => i) });
  const data = Array.from(await y.data(), (v) => Number((v as number).toPrecision(7)));
  return { name: 'graph-small', shape: y.shape, data };
}

await tf.setBackend('cpu');
const cases = [];
for (const given of [...GRAPH_CASES, mobileNetV2(1, 1000, 96, 1)])
  cases.push(
    await record(given).catch((e) => {
      throw new Error(`${given.name}: ${e.message}`);
    }),
  );
if (process.argv[3]) cases.push(await recordSmall(join(process.argv[3], 'odd/tfjs/graph-small')));
const path = new URL('../test/fixtures/models/tfjs-graphs.json', import.meta.url);
const lines = cases.map((row) => JSON.stringify(row)).join(',\n');
const { version } = JSON.parse(readFileSync(require.resolve('@tensorflow/tfjs-core/package.json'), 'utf8'));
writeFileSync(path, `{"tfjs":"${version}","cases":[\n${lines}\n]}\n`);
console.log(`${cases.length} cases`);
