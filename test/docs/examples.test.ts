/** The examples of the reference: the main exports have one, and it runs. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { init } from '../../src/graph/init.ts';
import { ROOT } from './markdown.ts';
import { makeWorkspace } from './workspace.ts';

/** In an order in which later ones find the files of earlier ones. */
const MAIN = [
  ...['init', 'tensor', 'noGrad', 'step', 'explain', 'autocast', 'Module', 'Linear', 'crossEntropy', 'SGD', 'AdamW'],
  ...['ImageFolder', 'openImageFolders', 'DataLoader', 'ArrayDataset', 'resnet18', 'readWeights', 'writeWeights'],
  ...['exportOnnx', 'fit', 'finetune', 'predictLogits', 'evaluateLogits', 'saveModel', 'openModel', 'predictImages'],
  ...['gradCam', 'focalLoss', 'EMA', 'findLearningRate'],
];

/** Values that examples take for granted. */
const PRELUDE = `
const model = await cifarResnet20({ weights: 'resnet20.th' });
model.freeze();
model.linear = new Linear(model.linear.inFeatures, 2);
const optimizer = new SGD(model.parameters(), { lr: 1e-3 });
const { train, validation } = openImageFolders('photos', { transform: CIFAR_PRESET });
const [images, labels, image] = [randn([4, 3, 32, 32]), tensor(Int32Array.of(0, 1, 0, 1)), randn([1, 3, 32, 32])];
`;

const ENTRIES = ['', '/convert', '/data', '/io', '/models', '/nn', '/optim', '/train'];

/** The code of the example above each export. */
function examples(): Map<string, string> {
  const found = new Map<string, string>();
  const sources = readdirSync(new URL('src', ROOT), { recursive: true }).map(String);
  // What `keras` exports has names of its own.
  for (const file of sources.filter((name) => name.endsWith('.ts') && !name.includes('keras'))) {
    const text = readFileSync(new URL(`src/${file}`, ROOT), 'utf8');
    const exports = /\/\*\*((?:(?!\*\/).)*)\*\/\s*export (?:abstract )?(?:async )?(?:function|class|const) (\w+)/gs;
    for (const [, comment, name] of text.matchAll(exports)) {
      const code = /@example\s(.*?)(?=\n \* @|$)/s.exec(comment!)?.[1];
      if (code) found.set(name!, code.replaceAll(/^ *\* ?/gm, '').trim());
    }
  }
  return found;
}

let folder: string;
beforeAll(async () => {
  await init();
  folder = await makeWorkspace();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the main exports have an example, and it runs', async () => {
  const all = examples();
  expect(MAIN.filter((name) => !all.has(name))).toEqual([]);
  const file = join(folder, 'examples.mts');
  const imports = ENTRIES.map((entry, i) => `import * as entry${i} from 'regraft${entry}';`).join('\n');
  // Of the two exports that are called init, layers' functions and the adapter's, examples mean the latter.
  const names = `const { ${await exportedNames()} } = { ${[...ENTRIES.keys()].reverse().map((i) => `...entry${i}`)} };`;
  const blocks = MAIN.map((name) => `{${PRELUDE}console.log('# ${name}');\n{\n${all.get(name)}\n}}`);
  await writeFile(file, `${imports}\n${names}\nawait init();\n${blocks.join('\n')}\n`);
  const flags = ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', file];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: folder });
  expect(stdout.split('\n').flatMap((line) => /^# (.+)/.exec(line)?.[1] ?? [])).toEqual(MAIN);
}, 300_000);

/** Everything that can be imported, once. */
async function exportedNames(): Promise<string> {
  const modules = await Promise.all(
    // What programs import as regraft/train is the top of src/runs.
    ENTRIES.map(
      (entry) => import(new URL(`src${entry.replace('/train', '/runs')}/index.ts`, ROOT).href) as Promise<object>,
    ),
  );
  return [...new Set(modules.flatMap((module) => Object.keys(module)))].join(', ');
}
