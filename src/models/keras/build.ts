/** From layer configurations to modules: one row a class, with the shape that comes out. */
import { Dropout, type Module, Softmax } from '../../nn/index.ts';
import { Activation, activationOf, PReLU, ReLU } from './activations.ts';
import { isJson, type LayerConfig } from './config.ts';
import { Conv2D, Dense, DepthwiseConv2D, SeparableConv2D } from './convolution.ts';
import { BatchNormalization, LayerNormalization, LayerScale, Normalization, Rescaling } from './normalization.ts';
import { AveragePooling2D, Cropping2D, GlobalPooling2D, MaxPooling2D, ZeroPadding2D } from './pooling.ts';
import { isRandom, RandomLayer, SharedDropout } from './random.ts';
import { formatKerasShape, type KerasShape, type Margins, windows } from './shape.ts';
import { GetItem, slicedShape, sliceSpec, takenOf } from './slicing.ts';
import { Concatenate, Flatten, InputLayer, isMerge, Merge, type MergeName, Reshape, ScaledAdd } from './structure.ts';
import { inputShapeOf } from './topology.ts';

/** A layer that is ready, and the shape of what it gives. */
export interface Built {
  readonly module: Module;
  readonly outputShape: KerasShape;
}

type Builder = (config: LayerConfig, shapes: readonly KerasShape[]) => Built;

/** A layer that leaves shapes alone. */
const pointwise =
  (make: (config: LayerConfig, shape: KerasShape) => Module): Builder =>
  (config, shapes) => ({ module: make(config, one(config, shapes)), outputShape: one(config, shapes) });

const BUILDERS: Readonly<Record<string, Builder>> = {
  InputLayer: (config) => {
    const outputShape = inputShapeOf(config);
    if (!outputShape) throw config.error('has no shape.');
    return { module: new InputLayer(), outputShape };
  },
  Dense: (config, shapes) => {
    const shape = one(config, shapes);
    const units = config.count('units');
    const bias = config.boolean('use_bias', true);
    if (shape.length < 2) throw config.error(`input must have features, got ${formatKerasShape(shape)}.`);
    const module = new Dense(channels(config, shape), units, { bias, activation: activationOf(config) });
    return { module, outputShape: [...shape.slice(0, -1), units] };
  },
  Conv2D: (config, shapes) => {
    const shape = image(config, shapes);
    const filters = config.count('filters');
    const groups = config.count('groups', 1);
    const inChannels = channels(config, shape);
    if (inChannels % groups !== 0 || filters % groups !== 0)
      throw config.error(
        `groups = ${groups} divides neither or only one of ${inChannels} channels and ${filters} filters.`,
      );
    const { kernel, outputShape, options } = convolution(config, shape, filters);
    return { module: new Conv2D(inChannels, filters, kernel, { ...options, groups }), outputShape };
  },
  DepthwiseConv2D: (config, shapes) => {
    const shape = image(config, shapes);
    const multiplier = config.count('depth_multiplier', 1);
    const inChannels = channels(config, shape);
    const { kernel, outputShape, options } = convolution(config, shape, inChannels * multiplier);
    return { module: new DepthwiseConv2D(inChannels, multiplier, kernel, options), outputShape };
  },
  SeparableConv2D: (config, shapes) => {
    const shape = image(config, shapes);
    const filters = config.count('filters');
    const { kernel, outputShape, options } = convolution(config, shape, filters);
    const multiplier = config.count('depth_multiplier', 1);
    return { module: new SeparableConv2D(channels(config, shape), filters, multiplier, kernel, options), outputShape };
  },
  BatchNormalization: pointwise((config, shape) => {
    if (shape.length !== 4 && shape.length !== 2)
      throw config.error(`input must be an image or a vector, got ${formatKerasShape(shape)}.`);
    requireLastAxis(config, shape.length);
    config.requireNeutral('renorm', false);
    config.requireNeutral('virtual_batch_size');
    return new BatchNormalization(channels(config, shape), {
      epsilon: config.number('epsilon', 1e-3),
      momentum: config.number('momentum', 0.99),
      scale: config.boolean('scale', true),
      center: config.boolean('center', true),
    });
  }),
  LayerNormalization: pointwise((config, shape) => {
    config.requireNeutral('rms_scaling', false);
    const value = config.get('axis') ?? -1;
    const [axis, ...further] = [Array.isArray(value) ? value : [value]].flat() as number[];
    const at = axis! < 0 ? axis! + shape.length : axis!;
    const size = shape[at];
    if (further.length > 0 || !Number.isInteger(at) || at < 1 || typeof size !== 'number')
      throw config.error(`axis must be one of known size, got ${JSON.stringify(value)} of ${formatKerasShape(shape)}.`);
    return new LayerNormalization(size, {
      axis: axis!,
      epsilon: config.number('epsilon', 1e-3),
      scale: config.boolean('scale', true),
      center: config.boolean('center', true),
    });
  }),
  LayerScale: pointwise((config, shape) => new LayerScale(channels(config, shape), config.number('init_values', 1e-6))),
  PReLU: pointwise((config, shape) => {
    const shared = config.get('shared_axes') ?? [];
    if (!Array.isArray(shared)) throw config.error(`shared_axes must be a list, got ${JSON.stringify(shared)}.`);
    const sizes = shape.slice(1).map((size, i) => (shared.includes(i + 1) ? 1 : size));
    if (!sizes.every((size) => size !== null))
      throw config.error(`needs an alpha for each of ${formatKerasShape(shape)}: share the open axes (shared_axes).`);
    const here = sizes.length === 3 ? [sizes[2]!, sizes[0]!, sizes[1]!] : (sizes as number[]);
    return new PReLU(here);
  }),
  Activation: pointwise((config) => new Activation(activationOf(config))),
  ReLU: pointwise(
    (config) =>
      new ReLU({
        maxValue: config.get('max_value') == null ? null : config.number('max_value'),
        negativeSlope: config.number('negative_slope', 0),
        threshold: config.number('threshold', 0),
      }),
  ),
  LeakyReLU: pointwise(
    (config) => new ReLU({ negativeSlope: config.number('negative_slope', config.number('alpha', 0.3)) }),
  ),
  Softmax: pointwise((config, shape) => {
    config.requireNeutral('axis', -1);
    return shape.length === 4 ? new Softmax(1) : new Softmax(-1);
  }),
  Dropout: pointwise((config, shape) => {
    const noise = config.get('noise_shape');
    if (noise == null) return new Dropout(config.number('rate'));
    // Keras 2 wraps tuples in nested models.
    const sizes = isJson(noise) ? noise.items : noise;
    if (
      !Array.isArray(sizes) ||
      sizes.length !== shape.length ||
      !sizes.every((d, i) => d === null || d === 1 || d === shape[i])
    )
      throw config.error(
        `noise_shape must be ${shape.length} sizes of the input, 1 or null, got ${JSON.stringify(noise)}.`,
      );
    return new SharedDropout(
      config.number('rate'),
      sizes.map((d) => d === 1),
    );
  }),
  SpatialDropout2D: (config, shapes) => {
    config.requireChannelsLast();
    const shape = image(config, shapes);
    return { module: new SharedDropout(config.number('rate'), [false, true, true, false]), outputShape: shape };
  },
  Rescaling: pointwise((config, shape) => {
    return new Rescaling(numbers(config, 'scale', 1), numbers(config, 'offset', 0), shape.length);
  }),
  Normalization: pointwise((config, shape) => {
    config.requireNeutral('invert', false);
    const axis = config.get('axis') ?? -1;
    const whole = config.get('axis') === null || (Array.isArray(axis) && axis.length === 0);
    if (!whole) requireLastAxis(config, shape.length);
    const size = whole ? 0 : channels(config, shape);
    if (config.get('mean') == null || config.get('variance') == null) return new Normalization(size);
    const [mean, variance] = [flat(numbers(config, 'mean', 0)), flat(numbers(config, 'variance', 1))];
    if (![mean, variance].every(({ length }) => length === 1 || length === size))
      throw config.error(`mean and variance must be ${size} numbers.`);
    return new Normalization(size, { mean, variance });
  }),
  ZeroPadding2D: (config, shapes) => {
    const [n, h, w, c] = image(config, shapes);
    const margins = marginsOf(config, 'padding', 1);
    const outputShape = [n!, plus(h!, margins[0] + margins[1]), plus(w!, margins[2] + margins[3]), c!];
    return { module: new ZeroPadding2D(margins), outputShape };
  },
  Cropping2D: (config, shapes) => {
    const [n, h, w, c] = image(config, shapes);
    const margins = marginsOf(config, 'cropping', 0);
    const [height, width] = [plus(h!, -margins[0] - margins[1]), plus(w!, -margins[2] - margins[3])];
    if ([height, width].some((size) => size !== null && size < 1))
      throw config.error(`cropping leaves nothing of ${formatKerasShape([n!, h!, w!, c!])}.`);
    return { module: new Cropping2D(margins), outputShape: [n!, height, width, c!] };
  },
  GetItem: (config, shapes) => {
    const shape = one(config, shapes);
    const spec = sliceSpec(config.get('slice_spec'));
    const taken = spec && takenOf(spec, shape.length);
    if (!taken) throw config.error(`does not slice ${formatKerasShape(shape)} along its axes: the batch stays whole.`);
    const outputShape = slicedShape(taken, shape);
    return { module: new GetItem(spec, taken), outputShape: checked(config, outputShape) };
  },
  MaxPooling2D: pooling(MaxPooling2D),
  AveragePooling2D: pooling(AveragePooling2D),
  GlobalAveragePooling2D: globalPooling('average'),
  GlobalMaxPooling2D: globalPooling('max'),
  Flatten: (config, shapes) => {
    config.requireChannelsLast();
    const shape = one(config, shapes);
    return { module: new Flatten(), outputShape: [shape[0]!, product(shape.slice(1))] };
  },
  Reshape: (config, shapes) => {
    const shape = one(config, shapes);
    const target = config.get('target_shape');
    if (!Array.isArray(target) || target.length > 4 || !target.every((d) => Number.isInteger(d) && d >= -1))
      throw config.error(`target_shape must be sizes, got ${JSON.stringify(target)}.`);
    const total = product(shape.slice(1));
    const known = target.reduce((n: number, d: number) => (d === -1 ? n : n * d), 1);
    if (total !== null && (target.includes(-1) ? total % known !== 0 : total !== known))
      throw config.error(`target_shape [${target.join(', ')}] does not hold the ${total} elements of its input.`);
    const outputShape = [null, ...target.map((d: number) => (d === -1 ? (total === null ? null : total / known) : d))];
    return { module: new Reshape(target), outputShape };
  },
  CustomScaleLayer: (config, shapes) => ({
    module: new ScaledAdd(config.number('scale', 1)),
    outputShape: merge(config, 'Add', shapes).outputShape,
  }),
  Concatenate: (config, shapes) => {
    const rank = one(config, shapes).length;
    const axis = config.number('axis', -1);
    const at = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(at) || at < 1 || at >= rank || !shapes.every((s) => s.length === rank))
      throw config.error(`cannot join ${shapes.map(formatKerasShape).join(' and ')} along axis ${axis}.`);
    const sum = shapes.reduce<number | null>((n, s) => (n === null || s[at] === null ? null : n + s[at]!), 0);
    return { module: new Concatenate(axis), outputShape: shapes[0]!.map((d, i) => (i === at ? sum : d)) };
  },
};

/**
 * Builds one layer for inputs of the given shapes.
 * @throws ArgumentError that names the layer, for a class or an option that is not supported.
 */
export function buildLayer(config: LayerConfig, shapes: readonly KerasShape[]): Built {
  const name = config.officialName;
  if (isMerge(name)) return merge(config, name, shapes);
  if (Object.hasOwn(BUILDERS, name)) return BUILDERS[name]!(config, shapes);
  if (isRandom(name)) return random(config, name, shapes);
  const known = [...Object.keys(BUILDERS), 'Add', 'Multiply', 'Subtract', 'Maximum', 'Minimum'];
  throw config.error(`this class is not supported. Known: ${known.join(', ')}, and models in models.`);
}

/** A layer that only training knows; a crop is one where it cuts nothing off. */
function random(config: LayerConfig, name: string, shapes: readonly KerasShape[]): Built {
  const outputShape = one(config, shapes);
  const cut = [config.get('height'), config.get('width')];
  if (name === 'RandomCrop' && cut.some((size, i) => size !== outputShape[i + 1]))
    throw config.error(
      `cuts ${cut.join(' x ')} out of ${formatKerasShape(outputShape)}. Crop the images before the model.`,
    );
  return { module: new RandomLayer(name), outputShape };
}

function merge(config: LayerConfig, kind: MergeName, shapes: readonly KerasShape[]): Built {
  const rank = one(config, shapes).length;
  if (shapes.length < 2 || !shapes.every((s) => s.length === rank))
    throw config.error(`expected two or more inputs of one rank, got ${shapes.map(formatKerasShape).join(' and ')}.`);
  const outputShape = shapes[0]!.map((_, i) => {
    const sizes = new Set<number | null>(shapes.map((s) => s[i]!).filter((d) => d !== 1));
    if (sizes.size > 1 && !sizes.has(null))
      throw config.error(`cannot join ${shapes.map(formatKerasShape).join(' and ')}.`);
    return sizes.size === 0 ? 1 : ([...sizes][0] ?? null);
  });
  return { module: new Merge(kind), outputShape };
}

function convolution(config: LayerConfig, [n, h, w]: KerasShape, filters: number) {
  config.requireChannelsLast();
  const [kernel, stride, dilation] = [
    config.pair('kernel_size'),
    config.pair('strides', 1),
    config.pair('dilation_rate', 1),
  ];
  const padding = config.padding();
  const size = (d: number | null, axis: 0 | 1) => windows(d, kernel[axis], stride[axis], dilation[axis], padding);
  const outputShape = checked(config, [n!, size(h!, 0), size(w!, 1), filters]);
  const bias = config.boolean('use_bias', true);
  return { kernel, outputShape, options: { stride, dilation, padding, bias, activation: activationOf(config) } };
}

function pooling(Layer: typeof MaxPooling2D | typeof AveragePooling2D): Builder {
  return (config, shapes) => {
    config.requireChannelsLast();
    const [n, h, w, c] = image(config, shapes);
    const pool = config.pair('pool_size', 2);
    const strides = config.get('strides') == null ? pool : config.pair('strides');
    const padding = config.padding();
    const size = (d: number | null, axis: 0 | 1) => windows(d, pool[axis], strides[axis], 1, padding);
    const outputShape = checked(config, [n!, size(h!, 0), size(w!, 1), c!]);
    return { module: new Layer(pool, strides, padding), outputShape };
  };
}

function globalPooling(kind: 'average' | 'max'): Builder {
  return (config, shapes) => {
    config.requireChannelsLast();
    const [n, , , c] = image(config, shapes);
    const keepdims = config.boolean('keepdims', false);
    return { module: new GlobalPooling2D(kind, keepdims), outputShape: keepdims ? [n!, 1, 1, c!] : [n!, c!] };
  };
}

/** A window that does not fit gives no output. */
function checked(config: LayerConfig, shape: KerasShape): KerasShape {
  if (shape.some((d) => d !== null && d < 1)) throw config.error('its window is larger than its input.');
  return shape;
}

function one(config: LayerConfig, shapes: readonly KerasShape[]): KerasShape {
  if (shapes[0]) return shapes[0];
  throw config.error('has no input.');
}

function image(config: LayerConfig, shapes: readonly KerasShape[]): KerasShape {
  const shape = one(config, shapes);
  if (shape.length === 4) return shape;
  throw config.error(`input must be an image (None, H, W, C), got ${formatKerasShape(shape)}.`);
}

function channels(config: LayerConfig, shape: KerasShape): number {
  const last = shape.at(-1);
  if (typeof last === 'number' && last > 0) return last;
  throw config.error(`needs to know how many channels its input has, got ${formatKerasShape(shape)}.`);
}

function requireLastAxis(config: LayerConfig, rank: number): void {
  const axis = config.get('axis') ?? -1;
  const single = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  if (single !== -1 && single !== rank - 1)
    throw config.error(`axis must be the last one (channels), got ${JSON.stringify(axis)}.`);
}

function marginsOf(config: LayerConfig, key: string, otherwise: number): Margins {
  config.requireChannelsLast();
  const value = config.get(key) ?? otherwise;
  const sides = (Array.isArray(value) ? value : [value, value]).map((side: unknown) =>
    Array.isArray(side) ? side : [side, side],
  );
  const all = sides.flat();
  if (sides.length === 2 && all.length === 4 && all.every((m) => Number.isInteger(m) && m >= 0 && m <= 1 << 16))
    return all as unknown as Margins;
  throw config.error(`${key} must be one, two or four whole numbers, got ${JSON.stringify(value)}.`);
}

function numbers(config: LayerConfig, key: string, otherwise: number): number | number[] {
  const value = config.get(key) ?? otherwise;
  const list = Array.isArray(value) ? value.flat(8) : [value];
  if (list.length === 0 || !list.every((v) => typeof v === 'number' && Number.isFinite(v)))
    throw config.error(`${key} must be a number, or one a channel, got ${JSON.stringify(value)}.`);
  return Array.isArray(value) ? list : list[0];
}

function flat(value: number | number[]): number[] {
  return typeof value === 'number' ? [value] : value;
}

function plus(size: number | null, margin: number): number | null {
  return size === null ? null : size + margin;
}

function product(sizes: readonly (number | null)[]): number | null {
  return sizes.reduce<number | null>((n, d) => (n === null || d === null ? null : n * d), 1);
}
