/** Image folders: listing, splitting, verifying, the train/val layout, and every error's text. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  IMAGE_EXTENSIONS,
  ImageFolder,
  openImageFolders,
  splitIndices,
  trainingTransforms,
} from '../../src/data/index.ts';
import { sharedData } from '../shared-data.ts';
import { faultOf, jpeg, photoFolder, picture, temporaryFolder, twoClasses } from './photos.ts';

const readable = `Read are ${IMAGE_EXTENSIONS.join(' ')}.`;

describe('listing', () => {
  test('classes and files are sorted by code point, as in torchvision; hidden and foreign files are no images', async () => {
    const root = await photoFolder({
      'b/2.JPG': 1,
      'b/10.jpg': 2,
      'b/deep/1.jpg': 3,
      'b/notes.txt': 'text',
      'b/._2.jpg': 'AppleDouble',
      'Z/1.jpeg': 4,
      'é/1.jpg': 5,
      '.ipynb_checkpoints/1.jpg': 6,
      '__MACOSX/1.jpg': 7,
      'readme.txt': 'text',
    });
    const folder = new ImageFolder(root);
    expect(folder.classes).toEqual(['Z', 'b', 'é']);
    expect(folder.classToIndex).toEqual({ Z: 0, b: 1, é: 2 });
    expect(folder.samples.map((s) => [s.path.slice(root.length + 1), s.label])).toEqual([
      [join('Z', '1.jpeg'), 0],
      [join('b', '10.jpg'), 1],
      [join('b', '2.JPG'), 1],
      [join('b', 'deep', '1.jpg'), 1],
      [join('é', '1.jpg'), 2],
    ]);
    expect(folder.length).toBe(5);
    expect(folder.classCounts()).toEqual([1, 3, 1]);
    expect(String(folder)).toBe(`${root}: 5 images, 3 classes (Z 1, b 3, é 1)`);
  });

  test('extensions and classes can be given', async () => {
    const root = await photoFolder({ 'a/1.jpg': 1, 'a/1.photo': 2, 'b/1.photo': 3 });
    expect(new ImageFolder(root, { extensions: ['.photo'] }).length).toBe(2);
    const folder = new ImageFolder(root, { classes: ['c', 'b', 'a'], extensions: ['.jpg', '.photo'] });
    expect(folder.samples.map((s) => s.label)).toEqual([1, 2, 2]);
    expect(folder.classCounts()).toEqual([0, 1, 2]);
  });

  test('links to class folders are followed, broken ones are not', async () => {
    const root = await twoClasses(1);
    const linked = temporaryFolder();
    symlinkSync(join(root, 'ants'), join(linked, 'ants'));
    symlinkSync(join(root, 'bees'), join(linked, 'bees'));
    symlinkSync(join(root, 'gone'), join(linked, 'gone'));
    expect(new ImageFolder(linked).classes).toEqual(['ants', 'bees']);
  });

  test('links that lead back up, to themselves or nowhere are left out, and so is what is no file', async () => {
    const root = await twoClasses(1);
    symlinkSync(root, join(root, 'bees', 'up'));
    symlinkSync('self.jpg', join(root, 'bees', 'self.jpg'));
    symlinkSync('gone.jpg', join(root, 'bees', 'away.jpg'));
    execFileSync('mkfifo', [join(root, 'bees', 'pipe.jpg')]);
    const folder = new ImageFolder(root);
    expect(folder.classCounts()).toEqual([1, 1]);
    expect(folder.leftOut).toEqual([
      { reason: 'a link that leads nowhere', paths: ['bees/away.jpg', 'bees/self.jpg'] },
      { reason: 'neither a file nor a folder', paths: ['bees/pipe.jpg'] },
      { reason: 'a link that leads back to a folder above it', paths: ['bees/up'] },
    ]);
  });

  test('a file whose name is not UTF-8 is read; a class folder of such a name is refused in one line', async () => {
    const root = await twoClasses(1);
    const odd = Buffer.concat([Buffer.from(join(root, 'bees/caf')), Buffer.of(0xe9), Buffer.from('.jpg')]);
    writeFileSync(odd, await jpeg(picture(8, 8)));
    const folder = new ImageFolder(root, { transform: { resize: 4, crop: 4 } });
    expect(folder.classCounts()).toEqual([1, 2]);
    expect((await folder.get(2)).shape).toEqual([3, 4, 4]);
    expect((await folder.verify()).bad).toEqual([]);
    mkdirSync(Buffer.concat([Buffer.from(join(root, 'th')), Buffer.of(0xe9)]));
    expect(await faultOf(() => new ImageFolder(root), root)).toBe(
      "DataError: ROOT: has a class folder whose name is not UTF-8 ('th\\xe9'). Rename it.",
    );
  });

  test('get: floats in planes, with label, index and path', async () => {
    const folder = new ImageFolder(await twoClasses(2), { transform: { resize: 20, crop: 16 } });
    const sample = await folder.get(3);
    expect(sample.shape).toEqual([3, 16, 16]);
    expect(sample.image.length).toBe(3 * 16 * 16);
    expect([sample.label, sample.index, sample.path]).toEqual([1, 3, folder.samples[3]!.path]);
    expect(folder.label(3)).toBe(1);
  });

  test.skipIf(!sharedData)('shared/data: hymenoptera train', () => {
    const folder = new ImageFolder(join(sharedData!, 'hymenoptera_data', 'train'));
    expect(folder.classes).toEqual(['ants', 'bees']);
    expect(folder.classCounts()).toEqual([123, 121]);
  });
});

describe('errors of listing', () => {
  const rows: [what: string, files: Record<string, number | string>, message: string, classes?: string[]][] = [
    ['an empty folder', {}, 'ROOT: is empty. Put the images of each class into a sub-folder of its own.'],
    [
      'images without class folders',
      { '1.jpg': 1 },
      'ROOT: is empty. Put the images of each class into a sub-folder of its own.',
    ],
    [
      'one class',
      { 'ants/1.jpg': 1 },
      "ROOT: has one class only ('ants'); a classifier needs two or more class folders.",
    ],
    ['no image at all', { 'ants/a.txt': 'x', 'bees/b.txt': 'x' }, `ROOT: has no images in its 2 folders. ${readable}`],
    [
      'a class without images',
      { 'ants/1.jpg': 1, 'bees/b.txt': 'x' },
      `ROOT: no images in class folder 'bees'. Add some or remove it. ${readable}`,
    ],
    [
      'two classes without images',
      { 'ants/1.jpg': 1, 'bees/b.txt': 'x', 'cats/b.txt': 'x' },
      `ROOT: no images in class folders 'bees', 'cats'. Add some or remove it. ${readable}`,
    ],
    [
      'a class that is not known',
      { 'ants/1.jpg': 1, 'wasps/1.jpg': 2 },
      "ROOT: has a class folder 'wasps' not among the known classes (ants, bees). Rename or remove it.",
      ['ants', 'bees'],
    ],
  ];
  test.each(rows)('%s', async (what, files, message, classes) => {
    const root = await photoFolder(files);
    const expected = what.startsWith('images without')
      ? message.replace('is empty', 'has 1 image but no class folders')
      : message;
    expect(await faultOf(() => new ImageFolder(root, classes ? { classes } : {}), root)).toBe(`DataError: ${expected}`);
  });

  test('no folder, a file in its place', async () => {
    const fix = 'Expected a folder with one sub-folder of images for each class.';
    expect(await faultOf(() => new ImageFolder('no/such'))).toBe(`DataError: no/such: does not exist. ${fix}`);
    const root = await photoFolder({ 'a.jpg': 1 });
    expect(await faultOf(() => new ImageFolder(join(root, 'a.jpg')), root)).toBe(
      `DataError: ROOT/a.jpg: is not a folder. ${fix}`,
    );
  });

  test('an index out of range', async () => {
    const root = await twoClasses(1);
    expect(await faultOf(() => new ImageFolder(root).get(2), root)).toBe(
      'DataError: ROOT: has no sample 2: indices go from 0 to 1.',
    );
  });

  test('a transform that ends in 8 bits, or does not fit the image', async () => {
    const root = await twoClasses(1);
    const folder = new ImageFolder(root, { transform: { name: 'CenterCrop', size: 8 } });
    expect(await faultOf(() => folder.get(0), root)).toBe(
      'ArgumentError: ROOT/ants/0.jpg: the transform gave an 8-bit image, expected floats. End it with ToTensor (and Normalize).',
    );
    const crop = folder.withTransform({ name: 'RandomCrop', size: 99 });
    expect(await faultOf(() => crop.get(0), root)).toBe(
      'ArgumentError: ROOT/ants/0.jpg: RandomCrop: expected an image of at least 99 x 99, got 30 x 40. Pass { padIfNeeded: true } or put Resize before it.',
    );
  });
});

describe('splitting', () => {
  test('stratified: the fraction of each class, no image twice, the same for the same seed', async () => {
    const files: Record<string, number> = { 'c/only.jpg': 1 };
    for (let i = 0; i < 10; i++) files[`a/${i}.jpg`] = i;
    for (let i = 0; i < 2; i++) files[`b/${i}.jpg`] = i;
    const folder = new ImageFolder(await photoFolder(files));
    const [train, validation] = folder.split(0.2, { seed: 3 });
    expect(train.classCounts()).toEqual([8, 1, 1]);
    expect(validation.classCounts()).toEqual([2, 1, 0]);
    expect(validation.classes).toBe(folder.classes);
    expect([...train.samples, ...validation.samples].map((s) => s.path).sort()).toEqual(
      folder.samples.map((s) => s.path).sort(),
    );
    expect(folder.split(0.2, { seed: 3 })[1].samples).toEqual(validation.samples);
    const others = [0, 1, 2, 4].map((seed) => JSON.stringify(folder.split(0.2, { seed })[1].samples));
    expect(new Set(others).size).toBeGreaterThan(1);
  });

  test('any labels, any fraction: a partition, and each class of two or more is in both parts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (labels, fraction) => {
          const many = [0, 1, 2, 3, 4].filter((c) => labels.filter((l) => l === c).length > 1);
          fc.pre(many.length > 0);
          const [first, second] = splitIndices('x', labels, fraction);
          expect([...first, ...second].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
          for (const part of [first, second])
            for (const c of many) expect(part.some((i) => labels[i] === c)).toBe(true);
        },
      ),
      { numRuns: 100, seed: 2 },
    );
  });

  test('not stratified: the fraction of the whole', () => {
    const [first, second] = splitIndices('x', new Array(10).fill(0).concat(new Array(10).fill(1)), 0.25, {
      stratified: false,
    });
    expect([first.length, second.length]).toEqual([15, 5]);
  });

  test('what cannot be split', async () => {
    const root = await twoClasses(1);
    expect(await faultOf(() => new ImageFolder(root).split(0.2), root)).toBe(
      'DataError: ROOT: cannot be split: no class has two images or more (2 in all). Add images, or hold none out (a validation share of 0).',
    );
    expect(await faultOf(() => new ImageFolder(root).split(20), root)).toBe(
      'DataError: ROOT: cannot be split: the fraction must be between 0 and 1, got 20. 0.2 holds a fifth out.',
    );
  });

  test('augmentation of an image is the same in the folder and in a part of it', async () => {
    const folder = new ImageFolder(await twoClasses(3), { transform: trainingTransforms({ crop: 12 }) });
    const part = folder.subset([4, 1]).subset([1]);
    const view = { seed: 1, view: 7 };
    expect((await part.get(0, view)).image).toEqual((await folder.get(1, view)).image);
    expect(await part.key(0, view)).toBe(await folder.key(1, view));
  });
});

describe('verify', async () => {
  const whole = await jpeg(picture(64, 48));
  const half = whole.subarray(0, whole.length >> 1);

  test('bad files are named with the reason, the good ones stay', async () => {
    const root = await photoFolder({
      'ants/1.jpg': 1,
      'ants/2.jpg': half,
      'bees/1.jpg': 2,
      'bees/2.jpg': '',
      'bees/3.jpg': 'hello',
    });
    let progress = '';
    const { good, bad } = await new ImageFolder(root).verify({
      onProgress: (done, of) => (progress = `${done}/${of}`),
    });
    expect(bad.map((b) => `${b.path.slice(root.length)}: ${b.reason}`)).toEqual([
      '/ants/2.jpg: is truncated or damaged. Remove it or replace it.',
      '/bees/2.jpg: is empty (0 bytes). Remove it or replace it.',
      '/bees/3.jpg: is not an image that can be read: it starts with "hello". Remove it or save it as JPEG or PNG.',
    ]);
    expect(good.classCounts()).toEqual([1, 1]);
    expect(progress).toBe('5/5');
  });

  test('nothing bad: the data set itself', async () => {
    const folder = new ImageFolder(await twoClasses(1));
    expect((await folder.verify()).good).toBe(folder);
  });

  test('a class that has no readable image', async () => {
    const root = await photoFolder({ 'ants/1.jpg': 1, 'bees/1.jpg': half, 'bees/2.jpg': '' });
    expect(await faultOf(() => new ImageFolder(root).verify(), root)).toBe(
      "DataError: ROOT: class 'bees' has no readable image: all 2 files, the first ROOT/bees/1.jpg is truncated or damaged. Remove it or replace it.",
    );
    const one = await photoFolder({ 'ants/1.jpg': 1, 'bees/1.jpg': '' });
    expect(await faultOf(() => new ImageFolder(one).verify(), one)).toBe(
      "DataError: ROOT: class 'bees' has no readable image: its only file ROOT/bees/1.jpg is empty (0 bytes). Remove it or replace it.",
    );
  });
});

describe('openImageFolders', () => {
  test('class folders: a stratified part is held out', async () => {
    const root = await twoClasses(5);
    const { train, validation, how } = openImageFolders(root, {
      validation: 0.4,
      seed: 2,
      transform: trainingTransforms(),
      validationTransform: { crop: 20 },
    });
    expect([train.classCounts(), validation.classCounts()]).toEqual([
      [3, 3],
      [2, 2],
    ]);
    expect(how).toBe(`${root}: 6 images to train on, 4 held out, class by class (seed 2)`);
    expect([train.transform.random, validation.transform.random]).toEqual([true, false]);
  });

  test('train and val folders: as they are, with the classes of train', async () => {
    const root = await photoFolder({
      'train/ants/1.jpg': 1,
      'train/bees/1.jpg': 2,
      'train/cats/1.jpg': 3,
      'Val/bees/1.jpg': 4,
      'Val/ants/1.jpg': 5,
      'test/ants/1.jpg': 6,
    });
    const { train, validation, how } = openImageFolders(root);
    expect(train.length).toBe(3);
    expect(validation.samples.map((s) => s.label)).toEqual([0, 1]);
    expect(how.replaceAll(root, 'ROOT')).toBe(
      `${join('ROOT', 'train')} (3 images) and ${join('ROOT', 'Val')} (2); none of cats in validation`,
    );
  });

  test('a train folder alone is split; a val folder alone is an error', async () => {
    const files = { 'a/1.jpg': 1, 'a/2.jpg': 2, 'b/1.jpg': 3, 'b/2.jpg': 4 };
    const below = (folder: string) => Object.fromEntries(Object.entries(files).map(([k, v]) => [`${folder}/${k}`, v]));
    const train = await photoFolder(below('train'));
    expect(openImageFolders(train).how).toBe(
      `${join(train, 'train')}: 2 images to train on, 2 held out, class by class (seed 0)`,
    );
    const val = await photoFolder(below('val'));
    expect(await faultOf(() => openImageFolders(val), val)).toBe(
      "DataError: ROOT: has a folder 'val' but no 'train'. Rename the training folder, or name the folder of classes itself.",
    );
  });

  test('a class of validation that training lacks', async () => {
    const root = await photoFolder({ 'train/a/1.jpg': 1, 'train/b/1.jpg': 2, 'val/a/1.jpg': 3, 'val/c/1.jpg': 4 });
    expect(await faultOf(() => openImageFolders(root), root)).toBe(
      "DataError: ROOT/val: has a class folder 'c' not among the known classes (a, b). Rename or remove it.",
    );
  });

  test('an empty folder', async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'train'));
    expect(await faultOf(() => openImageFolders(root), root)).toBe(
      'DataError: ROOT: has no images. Put the images of each class into a sub-folder of its own.',
    );
  });
});
