/**
 * Classes of pixels in one file: draws pictures of disks, squares and triangles with their masks, trains a small U-Net on them, and writes what it
 * finds in new pictures. `npx tsx --conditions=regraft-source examples/segmentation.ts`; needs no GPU. Your own photos and masks: give
 * `openMasks` their folder.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Generator, init, manualSeed, noGrad, tensor } from 'regraft';
import { MaskDataset, openMasks, PairedTransform, writeImage } from 'regraft/data';
import { unet } from 'regraft/models';
import { AdamW } from 'regraft/optim';
import { fit, segmentation } from 'regraft/train';
import { CLASSES, COLOURS, drawScene, maskPicture } from './segmentation/scenes.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/segmentation' },
    epochs: { type: 'string', default: '12' },
    train: { type: 'string', default: '64' },
    test: { type: 'string', default: '16' },
  },
});

// Pictures and masks in two folders, as yours would be: a mask has the name of its picture, and a colour for each class.
const folder = join(values.out, 'shapes');
await rm(folder, { recursive: true, force: true });
for (const [split, count, seed] of [
  ['train', Number(values.train), 1],
  ['val', Number(values.test), 2],
] as const) {
  for (const kind of ['images', 'masks']) await mkdir(join(folder, split, kind), { recursive: true });
  const random = new Generator(seed);
  for (let i = 0; i < count; i++) {
    const { picture, labels } = drawScene(random);
    const name = `${String(i + 1).padStart(3, '0')}.png`;
    await writeImage(join(folder, split, 'images', name), picture);
    await writeImage(join(folder, split, 'masks', name), maskPicture(labels));
  }
}
await writeFile(join(folder, 'classes.csv'), `${CLASSES.map((name, k) => [name, ...COLOURS[k]!].join()).join('\n')}\n`);

const found = await openMasks(folder);
console.log(found.how);
const preset = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
// One draw moves a picture and its mask alike.
const augmented = new PairedTransform({ ...preset, flip: 0.5, flipVertical: 0.5 });
const train = new MaskDataset(found.train, found.coding, { transform: augmented });
const validation = new MaskDataset(found.validation, found.coding, { transform: new PairedTransform(preset) });

console.log((await init()).description);
manualSeed(0);
const model = await unet({ numClasses: found.classes.length, width: 8 });
const task = segmentation({ loss: 'cross-entropy+dice' });
const { best } = await fit(model, {
  ...{ task, train, validation, epochs: Number(values.epochs), batchSize: 8 },
  optimizer: new AdamW(model.parameters(), { lr: 5e-3 }),
  onEpoch: ({ epoch, trainLoss, ...scores }) => {
    const { validationMeanIoU } = scores as unknown as { validationMeanIoU: number };
    console.log(`epoch ${epoch}: loss ${trainLoss!.toFixed(3)}, mean IoU ${(100 * validationMeanIoU).toFixed(1)} %`);
  },
});
const { evaluation } = best!.values as { evaluation: { perClass: { iou: number | null }[] } };
for (const [k, { iou }] of evaluation.perClass.entries())
  console.log(`  ${found.classes[k]!.padEnd(10)} IoU ${iou === null ? '-' : `${(100 * iou).toFixed(1)} %`}`);

// What it finds in pictures that it has not seen, in the colours of the masks.
await mkdir(join(values.out, 'found'), { recursive: true });
model.eval();
for (let i = 0; i < Math.min(4, validation.length); i++) {
  const { image, shape } = await validation.get(i);
  const classes = noGrad(() => model.forward(tensor(image, [1, ...shape])).argmax(1));
  await writeImage(join(values.out, 'found', `${i + 1}.png`), maskPicture(Uint8Array.from(await classes.data())));
}
console.log(`Found     ${join(values.out, 'found')}`);
