/** A fine-tuned model through `convert`, and back into `predict`; `inspect` of what comes out. */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { classificationTransforms } from '../../src/data/index.ts';
import { cifarResnet20, imagenetPreset } from '../../src/models/index.ts';
import { saveModel } from '../../src/runs/index.ts';
import { temporaryFolder } from '../data/photos.ts';
import { colourPhotos } from '../runs/colour-photos.ts';
import { regraft } from './regraft.ts';

const home = temporaryFolder();
const run = (...args: string[]) => regraft(args, home);
let photo: string;

beforeAll(async () => {
  photo = join(await colourPhotos(0, 1), 'val/red/0.jpg');
  const model = await cifarResnet20({ numClasses: 2, seed: 1 });
  const transforms = classificationTransforms(imagenetPreset(36, 32));
  const classes = ['Ameise', 'Löwe'];
  await saveModel(join(home, 'model'), { model, name: 'cifarResnet20', classes, transforms });
});

test('a run’s folder to ONNX and safetensors: predict gives the same', async () => {
  const [, onnx, folded, tensors] = await Promise.all([
    run('convert', 'model', 'm.pth'),
    run('convert', 'model', 'm.onnx'),
    run('convert', 'model', 'folded.onnx', '--fold-batch-norm'),
    run('convert', 'model/model.safetensors', 'half.safetensors', '--dtype', 'float16'),
  ]);
  expect(onnx.stderr + folded.stderr + tensors.stderr).toBe('');
  expect(onnx.stdout).toContain('\nThe network is cifarResnet20, as the file says.\n');
  const [model, ...others] = await Promise.all(
    ['model', 'm.onnx', 'folded.onnx', 'half.safetensors'].map((of) => run('predict', of, photo)),
  );
  expect(model!.stdout).toMatch(/^0\.jpg {2}(Ameise|Löwe) +[\d.]+ %\n$/);
  for (const other of others) expect(other.stdout).toBe(model!.stdout);
});

test('a PyTorch file does not name its classes: its network is guessed', async () => {
  const [predict, named, onnx] = await Promise.all([
    run('predict', 'm.pth', photo),
    run('predict', 'resnet18', '--weights', 'm.pth', photo),
    run('convert', 'm.pth', 'again.onnx'),
  ]);
  expect(predict.stderr).toBe(
    'm.pth: holds the weights of cifarResnet20, which is taken.\n' +
      "m.pth: does not tell how large its images were. cifarResnet20's own size is taken, 32 pixels; --image-size takes another.\n",
  );
  expect(predict.stdout).toMatch(/^0\.jpg {2}class [01] +[\d.]+ %\n$/);
  expect(named.stderr).toBe(
    'WeightFileError: m.pth: these are the weights of cifarResnet20, not of resnet18. Name cifarResnet20 instead.\n',
  );
  expect(onnx.stdout).toContain('\nThe network is cifarResnet20, by the names and shapes of its tensors.\n');
});

test('weights of a run keep its size of images where they tell it, and say so where they do not', async () => {
  const model = await cifarResnet20({ numClasses: 2, seed: 1 });
  const transforms = classificationTransforms(imagenetPreset(64, 64));
  await saveModel(join(home, 'large'), { model, name: 'cifarResnet20', classes: ['class 0', 'class 1'], transforms });
  await run('convert', 'large', 'large.pth');
  const network = ['predict', 'cifarResnet20', '--weights'];
  const [own, told, untold, sized, refused] = await Promise.all([
    run('predict', 'large', photo, '--json'),
    run(...network, 'large/model.safetensors', photo, '--json'),
    run(...network, 'large.pth', photo, '--json'),
    run(...network, 'large.pth', '--image-size', '64', photo, '--json'),
    run('predict', 'large', '--image-size', '64', photo, '--json'),
  ]);
  expect([own.code, own.stderr]).toEqual([0, '']);
  expect(told).toEqual(own);
  expect(untold.stderr).toBe(
    "large.pth: does not tell how large its images were. cifarResnet20's own size is taken, 32 pixels; --image-size takes another.\n",
  );
  expect(untold.stdout).not.toBe(own.stdout);
  expect(sized).toEqual(own);
  expect(refused).toMatchObject({
    code: 1,
    stderr: 'ArgumentError: large: is a model, which has its own size of images. Leave the image size out.\n',
  });
});

test('inspect lists tensors, texts and the network', async () => {
  const [lines, json] = await Promise.all([run('inspect', 'model'), run('inspect', 'm.pth', '--json')]);
  expect(lines.stdout).toMatch(/^conv1\.weight +\[16, 3, 3, 3\] +float32\n/);
  expect(lines.stdout).toContain('\n  classes     ["Ameise","Löwe"]\n');
  expect(lines.stdout).toMatch(
    /\nsafetensors: 116 tensors, 270,597 numbers, 1\.1 MB\.\nThey are the weights of cifarResnet20\.\n$/,
  );
  const { format, network, parameters, tensors } = JSON.parse(json.stdout);
  expect({ format, network, parameters }).toEqual({
    format: 'torch (zip)',
    network: 'cifarResnet20',
    parameters: 270_597,
  });
  expect(tensors[0]).toEqual({ name: 'conv1.weight', shape: [16, 3, 3, 3], dtype: 'float32' });
});
