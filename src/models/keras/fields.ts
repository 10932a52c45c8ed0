/** What Keras writes for each layer: the fields of `get_config` beside name, trainable and dtype, with their defaults. */
import type { Json } from './config.ts';

const initializer = (name: string, config: Json = {}) => ({ class_name: name, config });
const GLOROT = initializer('GlorotUniform', { seed: null });
const ZEROS = initializer('Zeros');
const ONES = initializer('Ones');

/** Initialiser, regulariser and constraint of weights of the same kind. */
function weights(...kinds: readonly (readonly [name: string, initializer: Json])[]): Json {
  return Object.fromEntries([
    ...kinds.map(([name, value]) => [`${name}_initializer`, value]),
    ...kinds.map(([name]) => [`${name}_regularizer`, null]),
    ...kinds.map(([name]) => [`${name}_constraint`, null]),
  ]);
}

const WINDOW = {
  kernel_size: undefined,
  strides: [1, 1],
  padding: 'valid',
  data_format: 'channels_last',
  dilation_rate: [1, 1],
};
const POOL = { pool_size: [2, 2], padding: 'valid', strides: null, data_format: 'channels_last' };
const OUTPUT = { activation: 'linear', use_bias: true, activity_regularizer: null };
const FILL = { fill_mode: 'reflect', interpolation: 'bilinear', seed: null, fill_value: 0 };
const GLOBAL = { data_format: 'channels_last', keepdims: false };

/** By class. A default of undefined is a field that a layer must have. */
export const LAYER_FIELDS: Readonly<Record<string, Json>> = {
  Dense: {
    units: undefined,
    activation: 'linear',
    use_bias: true,
    ...weights(['kernel', GLOROT], ['bias', ZEROS]),
  },
  Conv2D: { filters: undefined, ...WINDOW, groups: 1, ...OUTPUT, ...weights(['kernel', GLOROT], ['bias', ZEROS]) },
  DepthwiseConv2D: { ...WINDOW, depth_multiplier: 1, ...OUTPUT, ...weights(['depthwise', GLOROT], ['bias', ZEROS]) },
  SeparableConv2D: {
    filters: undefined,
    ...WINDOW,
    depth_multiplier: 1,
    ...OUTPUT,
    ...weights(['depthwise', GLOROT], ['pointwise', GLOROT], ['bias', ZEROS]),
  },
  BatchNormalization: {
    axis: -1,
    momentum: 0.99,
    epsilon: 1e-3,
    center: true,
    scale: true,
    beta_initializer: ZEROS,
    gamma_initializer: ONES,
    moving_mean_initializer: ZEROS,
    moving_variance_initializer: ONES,
    beta_regularizer: null,
    gamma_regularizer: null,
    beta_constraint: null,
    gamma_constraint: null,
  },
  LayerNormalization: {
    axis: -1,
    epsilon: 1e-3,
    center: true,
    scale: true,
    beta_initializer: ZEROS,
    gamma_initializer: ONES,
    beta_regularizer: null,
    gamma_regularizer: null,
    beta_constraint: null,
    gamma_constraint: null,
  },
  LayerScale: { init_values: 1e-6, projection_dim: undefined },
  PReLU: {
    alpha_initializer: ZEROS,
    alpha_regularizer: null,
    alpha_constraint: null,
    shared_axes: null,
  },
  CustomScaleLayer: { scale: 1 },
  Activation: { activation: undefined },
  ReLU: { max_value: null, negative_slope: 0, threshold: 0 },
  // Keras 2 and TF.js call it alpha; see serialize.ts.
  LeakyReLU: { negative_slope: 0.3 },
  Softmax: { axis: -1 },
  Dropout: { rate: undefined, seed: null, noise_shape: null },
  SpatialDropout2D: { rate: undefined, data_format: 'channels_last' },
  GaussianNoise: { stddev: undefined },
  GaussianDropout: { rate: undefined },
  ActivityRegularization: { l1: 0, l2: 0 },
  RandomFlip: { mode: 'horizontal_and_vertical', seed: null },
  RandomRotation: { factor: undefined, ...FILL },
  RandomZoom: { height_factor: undefined, width_factor: null, ...FILL },
  RandomTranslation: { height_factor: undefined, width_factor: undefined, ...FILL },
  RandomContrast: { factor: undefined, seed: null },
  RandomBrightness: { factor: undefined, value_range: [0, 255], seed: null },
  RandomCrop: { height: undefined, width: undefined, seed: null },
  RandomHeight: { factor: undefined, interpolation: 'bilinear', seed: null },
  RandomWidth: { factor: undefined, interpolation: 'bilinear', seed: null },
  Rescaling: { scale: 1, offset: 0 },
  Normalization: { axis: -1, invert: false, mean: null, variance: null },
  ZeroPadding2D: {
    padding: [
      [1, 1],
      [1, 1],
    ],
    data_format: 'channels_last',
  },
  Cropping2D: {
    cropping: [
      [0, 0],
      [0, 0],
    ],
    data_format: 'channels_last',
  },
  MaxPooling2D: POOL,
  AveragePooling2D: POOL,
  GlobalAveragePooling2D: GLOBAL,
  GlobalMaxPooling2D: GLOBAL,
  Flatten: { data_format: 'channels_last' },
  Reshape: { target_shape: undefined },
  Concatenate: { axis: -1 },
  Add: {},
  Multiply: {},
  Subtract: {},
  Maximum: {},
  Minimum: {},
};
