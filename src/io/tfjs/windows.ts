/** TensorFlow's operators on images: theirs are [N, H, W, C], ONNX's [N, C, H, W]. */
import { boolOf, floatOf, intOf, intsOf, textOf } from './attributes.ts';
import { fusedBehind } from './elementwise.ts';
import type { TfNode } from './graph.ts';
import type { TfRule } from './translator.ts';
import { type StepAttributes, TO_CHANNELS_FIRST, TO_CHANNELS_LAST, type Translator } from './translator.ts';

const isChannelsFirst = (node: TfNode): boolean => textOf(node, 'data_format', 'NHWC') === 'NCHW';

/** Computes on images with their channels first, and gives the result as the node has its images. */
function onImages(t: Translator, node: TfNode, x: string, rule: (x: string) => string): string {
  if (isChannelsFirst(node)) return rule(x);
  return t.transposed(rule(t.transposed(x, TO_CHANNELS_FIRST)), TO_CHANNELS_LAST);
}

/** The sizes of rows and columns in a list for all axes. */
const spatial = (node: TfNode, list: readonly number[]): number[] =>
  list.length === 0 ? [1, 1] : isChannelsFirst(node) ? list.slice(2, 4) : list.slice(1, 3);

/** How a window moves and pads. "same" puts the odd row of padding behind, as ONNX's SAME_UPPER does. */
function windowOf(t: Translator, node: TfNode): StepAttributes {
  const padding = textOf(node, 'padding', 'VALID');
  const strides = spatial(node, intsOf(node, 'strides'));
  if (padding === 'SAME') return { strides, auto_pad: 'SAME_UPPER' };
  if (padding === 'VALID') return { strides };
  if (padding !== 'EXPLICIT') throw t.unknown(`padding '${padding}' is not computed here.`);
  const pads = intsOf(node, 'explicit_paddings');
  const [top, bottom, left, right] = isChannelsFirst(node) ? pads.slice(4) : pads.slice(2, 6);
  return { strides, pads: [top!, left!, bottom!, right!] };
}

const conv: TfRule = (t, node) => {
  const isDepthwise = node.op.includes('Depthwise');
  const attributes = { ...windowOf(t, node), dilations: spatial(node, intsOf(node, 'dilations')) };
  const channels = t.host(1).shape[2]!;
  // A depthwise filter is [H, W, channels, multiplier].
  const weight = isDepthwise
    ? t.weight(1, [2, 3, 0, 1], ([c, m, h, w]) => [c! * m!, 1, h!, w!])
    : t.weight(1, [3, 2, 0, 1]);
  const y = onImages(t, node, t.input(0), (x) =>
    t.emit('Conv', [x, weight], isDepthwise ? { ...attributes, group: channels } : attributes),
  );
  return fusedBehind(t, node, y, t.inputs.slice(2));
};

/** The gradient of a convolution towards its input, of an output of a given size. */
const convTransposed: TfRule = (t, node) => {
  const weight = t.weight(1, [3, 2, 0, 1]);
  const sizes = t.isConstant(0) ? spatial(node, t.numbers(0)) : undefined;
  const attributes = { ...windowOf(t, node), ...(sizes && { output_shape: sizes }) };
  return onImages(t, node, t.input(2), (x) => t.emit('ConvTranspose', [x, weight], attributes));
};

const pool =
  (op: string): TfRule =>
  (t, node) => {
    const attributes = { ...windowOf(t, node), kernel_shape: spatial(node, intsOf(node, 'ksize')) };
    return onImages(t, node, t.input(0), (x) => t.emit(op, [x], attributes));
  };

const batchNorm: TfRule = (t, node) => {
  const epsilon = { f: floatOf(node, 'epsilon', 1e-4) };
  return onImages(t, node, t.input(0), (x) => t.emit('BatchNormalization', [x, ...t.inputs.slice(1, 5)], { epsilon }));
};

const resize =
  (mode: 'linear' | 'nearest'): TfRule =>
  (t, node) => {
    const coordinates = boolOf(node, 'align_corners')
      ? 'align_corners'
      : boolOf(node, 'half_pixel_centers')
        ? 'half_pixel'
        : 'asymmetric';
    const attributes = {
      mode,
      coordinate_transformation_mode: coordinates,
      nearest_mode: coordinates === 'asymmetric' ? 'floor' : 'round_prefer_ceil',
      axes: [2, 3],
    };
    return onImages(t, node, t.input(0), (x) => t.emit('Resize', [x, '', '', t.input(1)], attributes));
  };

const lrn: TfRule = (t, node) => {
  const size = 2 * intOf(node, 'depth_radius', 5) + 1;
  const [bias, alpha, beta] = [floatOf(node, 'bias', 1), floatOf(node, 'alpha', 1) * size, floatOf(node, 'beta', 0.5)];
  const attributes = { size, bias: { f: bias }, alpha: { f: alpha }, beta: { f: beta } };
  return onImages(t, node, t.input(0), (x) => t.emit('LRN', [x], attributes));
};

const blocks =
  (op: string): TfRule =>
  (t, node) =>
    onImages(t, node, t.input(0), (x) => t.emit(op, [x], { blocksize: intOf(node, 'block_size', 1) }));

export const WINDOWS: Readonly<Record<string, TfRule>> = {
  Conv2D: conv,
  _FusedConv2D: conv,
  FusedConv2D: conv,
  DepthwiseConv2d: conv,
  DepthwiseConv2dNative: conv,
  FusedDepthwiseConv2dNative: conv,
  Conv2DBackpropInput: convTransposed,
  AvgPool: pool('AveragePool'),
  MaxPool: pool('MaxPool'),
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  ResizeBilinear: resize('linear'),
  ResizeNearestNeighbor: resize('nearest'),
  LRN: lrn,
  DepthToSpace: blocks('DepthToSpace'),
  SpaceToDepth: blocks('SpaceToDepth'),
};
