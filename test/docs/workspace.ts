/** The folder that the guide's programs run in: photos, weight files and an installed regraft, under the names that it uses. */
import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawFolder } from '../../examples/quickstart/pictures.ts';
import { SUBJECTS } from '../../examples/quickstart/subjects.ts';
import { writeWeights } from '../../src/io/index.ts';
import { cifarResnet20, resnet18, squeezenet1_1 } from '../../src/models/index.ts';
import type { Module } from '../../src/nn/index.ts';
import { sharedData } from '../shared-data.ts';
import { ROOT } from './markdown.ts';

const TINY_BERT = {
  model_type: 'bert',
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 128,
};

const root = (path: string) => fileURLToPath(new URL(path, ROOT));

/** Makes the folder. */
export async function makeWorkspace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-guide-'));
  const at = (name: string) => join(folder, name);
  await mkdir(at('node_modules'));
  await symlink(root('.'), at('node_modules/regraft'), 'dir');

  const subjects = Object.values(SUBJECTS);
  const classes = { ants: subjects[0]!, bees: subjects[1]! };
  await drawFolder(at('photos/train'), classes, 4, 0);
  await drawFolder(at('photos/val'), classes, 2, 1);
  await mkdir(at('new'));
  await drawFolder(at('trees'), { photos: subjects[0]! }, 8, 2);
  const tags = ['leafy|old', 'leafy|tall', 'tall', 'old'];
  const rows = Array.from({ length: 8 }, (_, i) => `0${i + 1}.png,${2.5 + i / 2},${tags[i % 4]}`);
  await writeFile(at('trees/trees.csv'), ['file,height,tags', ...rows].join('\n'));
  await copyFile(at('photos/val/ants/01.png'), at('new/1.png'));
  await copyFile(at('photos/val/bees/01.png'), at('new/2.png'));

  await weights(at('squeezenet1_1.pth'), 'squeezenet1_1.pth', () => squeezenet1_1({ seed: 0 }));
  await weights(at('resnet20.th'), 'resnet20-12fca82f.th', () => cifarResnet20({ seed: 0 }));
  await weights(at('resnet18.pth'), 'resnet18.pth', () => resnet18({ seed: 0 }));

  const reviews = ['A delight', 'Dull and long', 'Well played', 'A waste of time'].map(
    (text, i) => `${text},${i % 2 ? 'bad' : 'good'}`,
  );
  await writeFile(at('reviews.csv'), ['text,label', ...reviews, ...reviews].join('\n'));
  await cp(root('test/fixtures/text/bert'), at('bert'), { recursive: true });
  const vocabulary = (await readFile(at('bert/vocab.txt'), 'utf8')).trimEnd().split('\n').length;
  await writeFile(at('bert/config.json'), JSON.stringify({ ...TINY_BERT, vocab_size: vocabulary }));
  await copyFile(root('test/fixtures/keras/whole.h5'), at('flowers.h5'));
  await copyFile(root('test/fixtures/keras/small.keras'), at('flowers.keras'));
  await cp(root('test/fixtures/keras/tfjs-float32'), at('flowers'), { recursive: true });
  return folder;
}

/** The real file where there is one, else a file of the same tensors with random values. */
async function weights(path: string, real: string, make: () => Promise<Module>): Promise<void> {
  const found = sharedData && join(sharedData, 'weights', real);
  if (found && existsSync(found)) await copyFile(found, path);
  else await writeWeights(path, (await make()).stateDict());
}
