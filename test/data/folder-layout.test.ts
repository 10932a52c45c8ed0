/** Layouts of photo folders as data sets have them: which folders are classes, which are splits, what is left out. */
import { describe, expect, test } from 'vitest';
import { layOut, layOutClasses, layOutLabelled } from '../../src/data/folders/folder-layout.ts';
import { photoTree } from '../../src/data/folders/photo-tree.ts';
import { splitOf, splitsAmong } from '../../src/data/folders/split-names.ts';
import { faultOf } from './photos.ts';

/** `a/{x,y}/3`: three photos in each of a/x and a/y. */
function pathsOf(...patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const braces = /\{([^}]*)\}/.exec(pattern);
    if (braces) return braces[1]!.split(',').flatMap((name) => pathsOf(pattern.replace(braces[0], name)));
    const number = /^(.*\/|)(\d+)$/.exec(pattern);
    return number ? Array.from({ length: Number(number[2]) }, (_, i) => `${number[1]}${i}.jpg`) : [pattern];
  });
}

const laid = (...patterns: readonly string[]) => layOut(photoTree(pathsOf(...patterns)), 'ROOT');
const fault = (...patterns: readonly string[]) => faultOf(() => laid(...patterns));

/** Classes, the folders of both parts with their counts of images, and what is left out. */
function outline(...patterns: readonly string[]): string {
  const { classes, train, validation, leftOut } = laid(...patterns);
  const part = (p: typeof train | null) => (p ? `${p.folder || '.'} ${p.images.length}` : '-');
  const rest = leftOut.map(({ reason, paths }) => `${paths.length} ${reason}`);
  return [classes.join(' '), part(train), part(validation), ...rest].join(' | ');
}

describe('names of splits', () => {
  test.each([
    [
      'train',
      'Train Training TRAIN_SET trainset training-data train_images Train2017 seg_train trainval my_train_photos',
    ],
    ['validation', 'val valid Validation VAL2017 validation_set valset dev holdout evaluation val_data'],
    ['test', 'test Testing TEST1 test_set testset test-images seg_test tst'],
    ['unlabelled', 'unlabeled unlabelled Unlabeled_images unsup seg_pred predict images_to_predict predictions'],
  ])('%s', (split, names) => {
    for (const name of names.split(' ')) expect([name, splitOf(name)]).toEqual([name, split]);
  });

  test('names of classes are none', () => {
    for (const name of [
      'trains',
      'trainer',
      'testudo',
      'test tube',
      'valley',
      'Valencia',
      'invalid',
      'contest',
      'data',
    ])
      expect([name, splitOf(name)]).toEqual([name, null]);
  });

  test('what all names begin or end with does not count', () => {
    expect([...splitsAmong(['asl_alphabet_train', 'asl_alphabet_test']).values()]).toEqual(['train', 'test']);
    expect([...splitsAmong(['train_flowers', 'val_flowers']).values()]).toEqual(['train', 'validation']);
    expect([...splitsAmong(['train_flowers', 'val_flowers', 'papers'])]).toEqual([]);
    expect([...splitsAmong(['big_cats', 'big_dogs'])]).toEqual([]);
  });
});

describe('layouts', () => {
  const rows: [what: string, patterns: string[], outline: string][] = [
    ['class folders', ['{ants,bees}/3'], 'ants bees | . 6 | -'],
    ['train and val', ['{train,val}/{ants,bees}/2'], 'ants bees | train 4 | val 4'],
    [
      'as Roboflow has it',
      ['{train,valid,test}/{a,b}/2', 'README.roboflow.txt'],
      'a b | train 4 | valid 4 | 4 in test, which is not used | 1 no images (.txt)',
    ],
    ['a test set serves where there is nothing else', ['{Training,Test}/{a,b}/2'], 'a b | Training 4 | Test 4'],
    [
      'training_set and test_set, each in itself',
      ['{training_set/training_set,test_set/test_set}/{cats,dogs}/2'],
      'cats dogs | training_set/training_set 4 | test_set/test_set 4',
    ],
    [
      'seg_train, seg_test, seg_pred',
      ['{seg_train/seg_train,seg_test/seg_test}/{sea,street}/1', 'seg_pred/seg_pred/5'],
      'sea street | seg_train/seg_train 2 | seg_test/seg_test 2 | 5 in seg_pred, which is not used',
    ],
    [
      'asl_alphabet_train beside a flat test',
      ['asl_alphabet_train/asl_alphabet_train/{A,B}/2', 'asl_alphabet_test/asl_alphabet_test/3'],
      'A B | asl_alphabet_train/asl_alphabet_train 4 | - | 3 in asl_alphabet_test, which is not used',
    ],
    [
      'ImageNet',
      [
        'ILSVRC/Data/CLS-LOC/train/{n01,n02}/2',
        'ILSVRC/Data/CLS-LOC/{val,test}/3',
        'ILSVRC/Annotations/CLS-LOC/val/a.xml',
      ],
      'n01 n02 | ILSVRC/Data/CLS-LOC/train 4 | - | 3 in ILSVRC/Data/CLS-LOC/test, which is not used | 3 in ILSVRC/Data/CLS-LOC/val, which is not used | 1 no images (.xml)',
    ],
    [
      'one level too many',
      ['photos/photos/{ants,bees}/2', '__MACOSX/photos/{ants,bees}/2'],
      'ants bees | photos/photos 4 | -',
    ],
    [
      'train beside unlabeled',
      ['train/{cat,ship}/2', 'unlabeled/3'],
      'cat ship | train 4 | - | 3 in unlabeled, which is not used',
    ],
    [
      'a flat, unlabelled test beside classes',
      ['{ants,bees}/2', 'test/3'],
      'ants bees | . 4 | - | 3 in test, which is not used',
    ],
    [
      'a flat test beside train',
      ['train/{ants,bees}/2', 'test/3'],
      'ants bees | train 4 | - | 3 in test, which is not used',
    ],
    [
      'more than splits',
      ['{Training,Test}/{a,b}/1', 'test-multiple_fruits/4', 'papers/a.pdf'],
      'a b | Training 2 | Test 2 | 4 in test-multiple_fruits, which is not used | 1 no images (.pdf)',
    ],
    ['the vehicle', ['{bus,car,train}/2'], 'bus car train | . 6 | -'],
    ['splits in each class', ['{ants,bees}/{train,val}/2'], 'ants bees | . 4 | . 4'],
    ['folders inside of classes', ['ants/{red,black}/2', 'bees/2'], 'ants bees | . 6 | -'],
    [
      'images beside the class folders',
      ['{ants,bees}/2', 'map.jpg'],
      'ants bees | . 4 | - | 1 beside the class folders',
    ],
    ['an empty class in val', ['train/{a,b}/2', 'val/a/2', 'val/b/', 'val/c/'], 'a b | train 4 | val 2'],
    ['an empty val', ['train/{a,b}/2', 'val/'], 'a b | train 4 | -'],
    [
      'a run inside that has just begun',
      ['{ants,bees}/2', 'runs/one/run.lock'],
      'ants bees | . 4 | - | 1 a folder of runs or weights, no class',
    ],
    [
      'a run inside',
      ['{ants,bees}/2', 'runs/one/{model.safetensors,model.json,report.html}'],
      'ants bees | . 4 | - | 1 a folder of runs or weights, no class',
    ],
    [
      'clutter',
      ['{ants,bees}/{1,.DS_Store,._0.jpg,Thumbs.db,desktop.ini}', '@eaDir/{a,b}/3', '.cache/1'],
      'ants bees | . 2 | -',
    ],
    [
      'endings',
      ['{a,b}/1', 'a/{x.HEIC,y.heif,z.txt,w.CR2,v.svg,none,u.jfif,t.JPE}'],
      'a b | . 4 | - | 1 no image by its name: it has no ending | 1 .svg, not read: save as JPEG or PNG | 1 camera raw, which is not read: save as JPEG | 2 HEIC, which is not read: save as JPEG | 1 no images (.txt)',
    ],
  ];
  test.each(rows)('%s', (_, patterns, expected) => {
    expect(outline(...patterns)).toBe(expected);
  });

  test('names are compared and kept in the composed form, and sorted by code point', () => {
    const [composed, decomposed] = ['café', 'café'].map((name, i) => name.normalize(i === 0 ? 'NFC' : 'NFD'));
    const { classes, train, validation } = laid(
      `train/{${composed},thé,Zebra,😀,ｚ}/2`,
      `train/${decomposed}/9.jpg`,
      `val/{${decomposed},thé}/1`,
    );
    expect(classes).toEqual(['Zebra', composed, 'thé', 'ｚ', '😀']);
    expect(train.images.filter(({ label }) => label === 1).length).toBe(3);
    expect(validation!.images.map(({ label }) => label)).toEqual([1, 2]);
  });

  test('long names are judged at once', () => {
    const name = `${'dataset'.repeat(36)}x`;
    const before = process.cpuUsage();
    expect(splitOf(name)).toBe(null);
    // Microseconds of this process, whatever else runs.
    expect(process.cpuUsage(before).user).toBeLessThan(50_000);
  });
});

describe('what may be meant otherwise', () => {
  const notes = (...patterns: readonly string[]) => laid(...patterns).notes.join(' ');

  test.each([
    ['folds', ['fold{1,2,3}/{a,b}/2'], "'a', 'b'", 'fold1', 'fold2'],
    [
      'participants, one without a class',
      ['participant{1,2}/{smile,frown}/2', 'participant3/smile/1'],
      "'frown', 'smile'",
      'participant1',
      'participant2',
    ],
    [
      'years in the training folder',
      ['train/{2023,2024}/{oak,elm}/1', 'val/{2023,2024}/{oak,elm}/1'],
      "'elm', 'oak'",
      '2023',
      '2024',
    ],
    ['years, each with a class of its own', ['{2023,2024}/{oak,elm}/1', '2024/ash/1'], "'elm', 'oak'", '2023', '2024'],
  ])('%s', (_, patterns, names, first, second) => {
    expect(notes(...patterns)).toBe(
      `The same folders (${names}) are in every class, so '${first}' is told from '${second}', whichever of them a photo is in. If they are the classes, put all photos of each into one folder.`,
    );
  });

  test.each([
    ['class folders', ['{ants,bees}/3']],
    ['a folder of images in each class', ['{ants,bees}/images/3']],
    ['other folders in each class', ['ants/{red,black}/1', 'bees/{honey,wild}/1']],
    ['images beside the folders', ['{ants,bees}/{red,black}/1', 'ants/2']],
    ['splits in each class', ['{ants,bees}/{train,val}/2']],
  ])('not: %s', (_, patterns) => expect(notes(...patterns)).toBe(''));
});

describe('what cannot be told', () => {
  const rows: [what: string, patterns: string[], message: string][] = [
    [
      'a class that only val has',
      ['train/{a,b}/1', 'val/{a,c}/1'],
      "ROOT/val: has a class folder 'c' not among the known classes (a, b). Rename or remove it.",
    ],
    [
      'val without train',
      ['val/{a,b}/1'],
      "ROOT: has a folder 'val' but no 'train'. Rename the training folder, or name the folder of classes itself.",
    ],
    [
      'flat train and test',
      ['train/30', 'test1/20'],
      "ROOT: has 50 images in 'test1', 'train' but no class folders. Put the images of each class into a sub-folder of its own, as ROOT/train/cats.",
    ],
    [
      'two training folders',
      ['{train,training}/{a,b}/1'],
      "ROOT: has two training folders, 'train' and 'training'. Name one of them instead of ROOT, or remove the other.",
    ],
    [
      'a train of class folders among others',
      ['train/{steam,diesel}/1', '{bus,car}/2'],
      "ROOT: has class folders in 'train' and, beside it, images in 'bus', 'car'. Name ROOT/train itself, or give 'train' another name if it is a class.",
    ],
    [
      'one class beside a flat test',
      ['ants/2', 'test/2'],
      "ROOT: has one class only ('ants'); a classifier needs two or more class folders. Folders named as splits are no classes: 'test'.",
    ],
    [
      'valid and invalid',
      ['{valid,invalid}/2'],
      "ROOT: has one class only ('invalid'); a classifier needs two or more class folders. Folders named as splits are no classes: 'valid'.",
    ],
    [
      'a class of clutter alone',
      ['{a,b}/1', 'c/.DS_Store'],
      `ROOT: no images in class folder 'c'. Add some or remove it. Read are .jpg .jpeg .jpe .jfif .pjpeg .pjp .png .ppm .bmp .pgm .pnm .tif .tiff .webp .gif .avif.`,
    ],
    [
      'all photos HEIC',
      ['a/1', 'b/{1,2}.HEIC'],
      `ROOT: no images in class folder 'b'. Add some or remove it. Read are .jpg .jpeg .jpe .jfif .pjpeg .pjp .png .ppm .bmp .pgm .pnm .tif .tiff .webp .gif .avif. 2 files are HEIC: save as JPEG.`,
    ],
  ];
  test.each(rows)('%s', async (_, patterns, message) => {
    expect(await fault(...patterns)).toBe(`DataError: ${message}`);
  });

  test('many classes are not all listed', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `c${i}`).join(',');
    expect(await fault(`train/{${names}}/1`, `val/{${names},x}/1`)).toBe(
      "DataError: ROOT/val: has a class folder 'x' not among the known classes (c0, c1, c10, c100, c101, c102, c103, c104, c105, c106 and 990 more). Rename or remove it.",
    );
  });
});

describe('class folders alone, and parts to score on', () => {
  const scored = (...patterns: readonly string[]) => {
    const { part } = layOutLabelled(photoTree(pathsOf(...patterns)), 'ROOT', ['bus', 'train']);
    return `${part.folder || '.'} ${part.images.map(({ label }) => label).join(' ')}`;
  };

  test('ImageFolder takes no split for a class, unless it is told to', async () => {
    const tree = photoTree(pathsOf('{train,val}/{a,b}/1'));
    expect(await faultOf(() => layOutClasses(tree, 'ROOT'))).toBe(
      "DataError: ROOT: has folders of a split ('train', 'val'), not of classes. Name one of them, or use openImageFolders.",
    );
    expect(layOutClasses(tree, 'ROOT', ['val', 'train']).part.images.map(({ label }) => label)).toEqual([0, 0, 1, 1]);
  });

  test('the validation part where there is one, else the class folders', () => {
    expect(scored('{bus,train}/2')).toBe('. 0 0 1 1');
    expect(scored('bus/1')).toBe('. 0');
    expect(scored('{training,val}/{bus,train}/1')).toBe('val 0 1');
    expect(scored('test/{bus,train}/1')).toBe('test 0 1');
    expect(scored('photos/{bus,train}/1', 'photos/test/3')).toBe('photos 0 1');
  });

  test('a class that the model does not know; nothing at all', async () => {
    expect(await faultOf(() => scored('{bus,plane}/1'))).toBe(
      "DataError: ROOT: has a class folder 'plane' not among the known classes (bus, train). Rename or remove it.",
    );
    expect(await faultOf(() => scored('2'))).toBe(
      'DataError: ROOT: has 2 images but no class folders. Put the images of each class into a sub-folder of its own.',
    );
  });
});
