/** Transforms of whole batches in training: MixUp and CutMix, which mix each image and its target with those of the one before it. */
import { above, check, whole } from '../../core/check.ts';
import type { HostTensor, HostTensors } from '../../core/dtype.ts';
import { ArgumentError } from '../../core/errors.ts';
import { checkList, checkOptions, type OptionNames } from '../../core/options.ts';
import type { Generator } from '../../core/random.ts';
import { formatShape } from '../../core/shape.ts';
import type { HostBatch } from '../collate.ts';
import type { Rectangle } from '../images/image.ts';

/** A transform of batches, as `fit` takes it. */
export interface BatchTransform {
  /** The class name. */
  readonly name: string;
  /** The transformed batch; the given one is left as it is. */
  apply(batch: HostBatch, random: Generator): HostBatch;
}

/** Options of {@link MixUp} and {@link CutMix}. */
export interface MixOptions {
  /** Of the Beta distribution that the shares are drawn from: a small one leaves most images nearly as they are. Default 1. */
  alpha?: number;
  /** Needed where targets are classes: they become rows of shares, [N, numClasses]. */
  numClasses?: number | undefined;
}

const MIX: OptionNames<MixOptions> = { alpha: true, numClasses: true };

abstract class Mix implements BatchTransform {
  abstract readonly name: string;
  readonly alpha: number;
  readonly numClasses: number | undefined;

  constructor(name: string, options: MixOptions) {
    checkOptions(name, options, MIX);
    const { alpha = 1, numClasses } = options;
    this.alpha = check(name, 'alpha', alpha, above(0));
    this.numClasses = numClasses === undefined ? undefined : check(name, 'numClasses', numClasses, whole(1));
  }

  abstract apply(batch: HostBatch, random: Generator): HostBatch;

  /** The batch with other images, and targets of which `share` is the sample's own. */
  protected mixed(batch: HostBatch, share: number, image: (part: Images) => Float32Array): HostBatch {
    const inputs = mapParts(batch.inputs, (part, input) => ({
      data: image(imagesOf(this.name, input, part)),
      shape: part.shape,
    }));
    const targets = mapParts(batch.targets, (part, target) => {
      const rows = rowsOf(this, batch, target, part);
      return { data: mixRows(rows.data, rows.shape[1], share), shape: rows.shape };
    });
    return { ...batch, inputs, targets };
  }
}

/**
 * Blends each image with the one before it in the batch, and their targets by the same share.
 * Zhang et al. 2017, https://arxiv.org/abs/1710.09412.
 * @example await fit(model, { train, epochs: 5, mix: new MixUp({ alpha: 0.2, numClasses: 10 }) });
 */
export class MixUp extends Mix {
  readonly name: string = 'MixUp';

  constructor(options: MixOptions = {}) {
    super('MixUp', options);
  }

  /** The batch, each image blended by a share drawn from `random`. */
  apply(batch: HostBatch, random: Generator): HostBatch {
    return this.blend(batch, random.beta(this.alpha, this.alpha));
  }

  /** The batch in which each image keeps `share` of itself. */
  blend(batch: HostBatch, share: number): HostBatch {
    return this.mixed(batch, share, ({ data, size }) => mixRows(data, size, share));
  }
}

/**
 * Pastes a rectangle of the image before it in the batch into each, and mixes their targets by its area.
 * Yun et al. 2019, https://arxiv.org/abs/1905.04899.
 * @example await fit(model, { train, epochs: 5, mix: new CutMix({ numClasses: 10 }) });
 */
export class CutMix extends Mix {
  readonly name: string = 'CutMix';

  constructor(options: MixOptions = {}) {
    super('CutMix', options);
  }

  /** The batch, with a rectangle drawn from `random`. */
  apply(batch: HostBatch, random: Generator): HostBatch {
    const side = 0.5 * Math.sqrt(1 - random.beta(this.alpha, this.alpha));
    const [across, down] = [random.uniform(), random.uniform()];
    const shape = Object.values(batch.inputs)[0]?.shape ?? [];
    const [height = 0, width = 0] = shape.slice(2);
    // About a random middle; what reaches beyond the image is cut off.
    const [x, y] = [Math.floor(across * width), Math.floor(down * height)];
    const [w, h] = [Math.floor(side * width), Math.floor(side * height)];
    const [left, top] = [Math.max(0, x - w), Math.max(0, y - h)];
    const [right, bottom] = [Math.min(width, x + w), Math.min(height, y + h)];
    return this.paste(batch, { x: left, y: top, width: right - left, height: bottom - top });
  }

  /** The batch in which each image has this rectangle of the one before it. */
  paste(batch: HostBatch, box: Rectangle): HostBatch {
    const [, , height, width] = Object.values(batch.inputs)[0]!.shape as [number, number, number, number];
    const share = 1 - (box.width * box.height) / (width * height);
    return this.mixed(batch, share, (images) => pasteBox(images, box));
  }
}

/** Applies one of several transforms to each batch, drawn at random. */
export class RandomChoice implements BatchTransform {
  readonly name: string = 'RandomChoice';
  readonly transforms: readonly BatchTransform[];

  constructor(transforms: readonly BatchTransform[]) {
    checkList('RandomChoice', 'the transforms', transforms);
    if (transforms.length === 0)
      throw new ArgumentError(
        'RandomChoice: expected at least one transform, got none. Pass [new MixUp(), new CutMix()].',
      );
    this.transforms = transforms;
  }

  apply(batch: HostBatch, random: Generator): HostBatch {
    return this.transforms[random.int(this.transforms.length)]!.apply(batch, random);
  }
}

/** A batch of images. */
interface Images {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Numbers of one image. */
  readonly size: number;
}

const mapParts = (parts: HostTensors, map: (part: HostTensor, name: string) => HostTensor): HostTensors =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, map(part, name)]));

/** @throws ArgumentError for an input that is no batch of images. */
function imagesOf(op: string, input: string, { data, shape }: HostTensor): Images {
  const [, channels, height, width] = shape as [number, number, number, number];
  if (data instanceof Float32Array && shape.length === 4)
    return { data, width, height, size: channels * height * width };
  const type = data instanceof Float32Array ? 'float32' : 'int32';
  throw new ArgumentError(
    `${op}: expected images as inputs, float32 [N, C, H, W], got ${type} ${formatShape(shape)} as '${input}'. Leave mix out.`,
  );
}

/**
 * Targets as rows of floats: classes become rows of zeros and a one.
 * @throws ArgumentError for classes without their number, one beyond, and targets of another shape.
 */
function rowsOf(
  { name, numClasses }: Mix,
  { paths, indices }: HostBatch,
  target: string,
  { data, shape }: HostTensor,
): { readonly data: Float32Array; readonly shape: readonly [number, number] } {
  const [count, columns] = shape as [number, number];
  if (data instanceof Float32Array && shape.length === 2) return { data, shape: [count, columns] };
  if (data instanceof Float32Array || shape.length !== 1)
    throw new ArgumentError(
      `${name}: expected targets as classes [N] or floats [N, K], got ${formatShape(shape)} as '${target}'. Leave mix out.`,
    );
  if (numClasses === undefined)
    throw new ArgumentError(
      `${name}: expected numClasses for targets that are classes, got none. Pass { numClasses: 10 }.`,
    );
  const rows = new Float32Array(count * numClasses);
  data.forEach((label, i) => {
    if (label < 0 || label >= numClasses)
      throw new ArgumentError(
        `${name}: expected labels from 0 to ${numClasses - 1}, got ${label} in ${paths[i] ?? `sample ${indices[i]}`}. Number the classes from 0, and pass how many there are as numClasses.`,
      );
    rows[i * numClasses + label] = 1;
  });
  return { data: rows, shape: [count, numClasses] };
}

/** Each row as `share` of itself and the rest of the one before it (of the last before the first), rounded as torchvision rounds. */
function mixRows(data: Float32Array, size: number, share: number): Float32Array {
  const out = new Float32Array(data.length);
  const [own, other] = [Math.fround(share), Math.fround(1 - share)];
  for (let i = 0, before = data.length - size; i < data.length; i++, before++) {
    if (before === data.length) before = 0;
    out[i] = Math.fround(data[before]! * other) + Math.fround(data[i]! * own);
  }
  return out;
}

/** The images, each with a rectangle of the one before it. */
function pasteBox({ data, width, height, size }: Images, box: Rectangle): Float32Array {
  const out = data.slice();
  for (let image = 0; image < data.length; image += size) {
    const before = (image + data.length - size) % data.length;
    for (let plane = 0; plane < size; plane += width * height)
      for (let y = box.y; y < box.y + box.height; y++) {
        const row = plane + y * width + box.x;
        out.set(data.subarray(before + row, before + row + box.width), image + row);
      }
  }
  return out;
}
