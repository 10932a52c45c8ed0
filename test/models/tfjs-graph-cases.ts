/** Graph models whose outputs @tensorflow/tfjs has computed: scripts/record-tfjs-graphs.ts records what it gives, tests compare. */
import { Generator } from '../../src/core/random.ts';
import { TfGraphBuilder } from '../io/tfjs-graph-build.ts';

type Shape = readonly number[];

export interface GraphCase {
  readonly name: string;
  /** Sizes of the inputs, images channels last. */
  readonly inputs: readonly Shape[];
  readonly files: { readonly json: string; readonly shard: Uint8Array<ArrayBuffer> };
}

/** The values of the inputs: seeded, as TensorFlow has them. */
export function valuesOf({ inputs }: GraphCase): Float32Array[] {
  const random = new Generator(5);
  return inputs.map((shape) => Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.normal()));
}

/** A graph of one input `x` and one output `y`. */
function one(name: string, shape: Shape, build: (g: TfGraphBuilder) => void, rank: number): GraphCase {
  const g = new TfGraphBuilder();
  g.input('x', [-1, ...shape.slice(1)]);
  build(g);
  return { name, inputs: [shape], files: g.finish({ y: new Array(rank).fill(-1) }) };
}

const IMAGE = [2, 7, 6, 3];
const SAME = { strides: [1, 1, 1, 1], padding: 'SAME', data_format: 'NHWC', dilations: [1, 1, 1, 1] };
const HALF = { ...SAME, strides: [1, 2, 2, 1] };

const unary = (op: string, attributes = {}, name = op) =>
  one(name, [2, 5], (g) => g.node(op, 'y', ['x'], attributes), 2);
const positive = (op: string) =>
  one(
    op,
    [2, 5],
    (g) => g.node(op, 'y', [g.node('AddV2', 'p', [g.node('Square', 's', ['x']), g.weight('c', [], [0.5])])]),
    2,
  );
const binary = (op: string) =>
  one(op, [2, 5], (g) => g.node(op, 'y', ['x', g.weight('w', [5], { mean: 2, deviation: 0.2 })]), 2);
const image = (name: string, build: (g: TfGraphBuilder) => void) => one(name, IMAGE, build, 4);

/** A fused convolution, with what is behind it. */
function fused(
  g: TfGraphBuilder,
  y: string,
  x: string,
  [h, c, f]: [number, number, number],
  ops: string[],
  attributes: object = SAME,
): string {
  const scope = y.includes('/') ? y.slice(0, y.lastIndexOf('/')) : y;
  const weights = [
    g.weight(`${scope}/Conv2D/ReadVariableOp`, [h, h, c, f], { deviation: Math.sqrt(2 / (h * h * c)) }),
    g.weight(`${scope}/bias`, [f], { deviation: 0.1 }),
  ];
  const slope = ops.includes('Prelu') ? [g.weight(`${scope}/alpha`, [f])] : [];
  return g.node('_FusedConv2D', y, [x, ...weights, ...slope], {
    ...attributes,
    fused_ops: ops,
    num_args: 1 + slope.length,
    epsilon: { f: 0 },
  });
}

function depthwise(g: TfGraphBuilder, y: string, x: string, channels: number, attributes: object = SAME): string {
  const scope = y.includes('/') ? y.slice(0, y.lastIndexOf('/')) : y;
  const weights = [
    g.weight(`${scope}/depthwise_weights`, [3, 3, channels, 1], { deviation: Math.sqrt(2 / 9) }),
    g.weight(`${scope}/bias`, [channels], { deviation: 0.1 }),
  ];
  return g.node('FusedDepthwiseConv2dNative', y, [x, ...weights], {
    ...attributes,
    fused_ops: ['BiasAdd', 'Relu6'],
    num_args: 1,
  });
}

/** As Keras's MobileNetV2 is converted, of a width: batch norms folded, functions fused. */
export function mobileNetV2(width: number, classes: number, side: number, batch: number): GraphCase {
  const g = new TfGraphBuilder(3);
  const root = 'StatefulPartitionedCall/mobilenetv2';
  const wide = (n: number) => Math.max(8, Math.floor((n * width + 4) / 8) * 8);
  let x = g.input('input_1', [-1, side, side, 3]);
  let channels = wide(32);
  x = fused(g, `${root}/Conv1/Relu6`, x, [3, 3, channels], ['BiasAdd', 'Relu6'], HALF);
  let block = 0;
  for (const [t, c, n, s] of [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const)
    for (let i = 0; i < n; i++, block++) {
      const scope = `${root}/block_${block}`;
      const from = x;
      const inner = channels * t;
      if (t > 1) x = fused(g, `${scope}_expand/Relu6`, x, [1, channels, inner], ['BiasAdd', 'Relu6']);
      x = depthwise(g, `${scope}_depthwise/Relu6`, x, inner, i === 0 && s === 2 ? HALF : SAME);
      x = fused(g, `${scope}_project/BiasAdd`, x, [1, inner, wide(c)], ['BiasAdd']);
      if (channels === wide(c) && i > 0) x = g.node('AddV2', `${scope}_add/add`, [from, x]);
      channels = wide(c);
    }
  const last = Math.max(1280, wide(1280));
  x = fused(g, `${root}/Conv_1/Relu6`, x, [1, channels, last], ['BiasAdd', 'Relu6']);
  x = g.node('Mean', `${root}/pool/Mean`, [x, g.ints('axes', [1, 2])], { keep_dims: false });
  const head = [
    g.weight(`${root}/predictions/MatMul/ReadVariableOp`, [last, classes], { deviation: 0.05 }),
    g.weight(`${root}/predictions/BiasAdd/ReadVariableOp`, [classes]),
  ];
  x = g.node('_FusedMatMul', `${root}/predictions/BiasAdd`, [x, ...head], {
    fused_ops: ['BiasAdd'],
    num_args: 1,
    transpose_a: false,
    transpose_b: false,
  });
  x = g.node('Softmax', `${root}/predictions/Softmax`, [x]);
  g.node('Identity', 'Identity', [x]);
  return {
    name: `MobileNet V2, ${width} wide`,
    inputs: [[batch, side, side, 3]],
    files: g.finish({ Identity: [-1, classes] }),
  };
}

/** As older converters wrote networks: batch norms, biases and functions as nodes of their own; a gate; a head of 1 x 1. */
function unfused(): GraphCase {
  const g = new TfGraphBuilder(4);
  let x = g.input('images', [-1, 9, 9, 3]);
  x = g.node('Pad', 'net/pad', [x, g.paddings('net/paddings', [0, 0, 0, 1, 0, 1, 0, 0])]);
  x = g.node('Conv2D', 'net/conv1/Conv2D', [x, g.weight('net/conv1/weights', [3, 3, 3, 8])], {
    ...HALF,
    padding: 'VALID',
  });
  const norm = [
    ['gamma', 1],
    ['beta', 0],
    ['moving_mean', 0],
    ['moving_variance', 2],
  ].map(([n, mean]) => g.weight(`net/bn1/${n}`, [8], { mean: mean as number, deviation: 0.2 }));
  x = g.node('FusedBatchNormV3', 'net/bn1/norm', [x, ...norm], {
    epsilon: { f: 0.001 },
    data_format: 'NHWC',
    is_training: false,
  });
  x = g.node('Relu6', 'net/relu1', [x]);
  const pooled = g.node('Mean', 'net/gate/Mean', [x, g.ints('net/gate/axes', [1, 2])], { keep_dims: true });
  const squeezed = g.node('BiasAdd', 'net/gate/BiasAdd', [
    g.node('Conv2D', 'net/gate/Conv2D', [pooled, g.weight('net/gate/weights', [1, 1, 8, 8])], SAME),
    g.weight('net/gate/biases', [8]),
  ]);
  x = g.node('Mul', 'net/mul', [x, g.node('Sigmoid', 'net/gate/Sigmoid', [squeezed])]);
  const branch = g.node('MaxPool', 'net/branch/MaxPool', [x], { ...SAME, ksize: [1, 3, 3, 1] });
  x = g.node('ConcatV2', 'net/concat', [x, branch, g.ints('net/axis', 3)], { N: 2 });
  x = g.node('AvgPool', 'net/pool', [x], { ...HALF, ksize: [1, 2, 2, 1] });
  x = g.node('Mul', 'net/scale', [x, g.weight('net/gamma', [16], { mean: 1, deviation: 0.2 })]);
  x = g.node('Mean', 'net/Mean', [x, g.ints('net/axes', [1, 2])], { keep_dims: true });
  x = g.node('BiasAdd', 'net/logits/BiasAdd', [
    g.node('Conv2D', 'net/logits/Conv2D', [x, g.weight('net/logits/weights', [1, 1, 16, 5])], SAME),
    g.weight('net/logits/biases', [5]),
  ]);
  x = g.node('Squeeze', 'net/SpatialSqueeze', [x], { squeeze_dims: [1, 2] });
  g.node('Softmax', 'net/Predictions', [x]);
  return {
    name: 'batch norms, gates and a convolution as head',
    inputs: [[2, 9, 9, 3]],
    files: g.finish({ 'net/Predictions': [-1, 5] }),
  };
}

/** Quick cases. */
export const GRAPH_CASES: readonly GraphCase[] = [
  unfused(),
  mobileNetV2(0.1, 10, 32, 2),
  ...[
    'Abs',
    'Neg',
    'Exp',
    'Tanh',
    'Sigmoid',
    'Relu',
    'Relu6',
    'Elu',
    'Selu',
    'Softplus',
    'Square',
    'Floor',
    'Ceil',
    'Sign',
    'Erf',
    'Softmax',
    'LogSoftmax',
    'Expm1',
    'ZerosLike',
    'OnesLike',
  ].map((op) => unary(op)),
  unary('LeakyRelu', { alpha: { f: 0.3 } }),
  ...['Log', 'Log1p', 'Sqrt', 'Rsqrt', 'Reciprocal'].map(positive),
  ...['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'DivNoNan', 'FloorDiv', 'Maximum', 'Minimum', 'SquaredDifference'].map(
    binary,
  ),
  one(
    'comparisons',
    [2, 5],
    (g) => {
      const c = g.weight('c', [5]);
      const more = g.node('Greater', 'g', ['x', c]);
      const less = g.node('LessEqual', 'l', [g.weight('d', [5]), 'x']);
      g.node('SelectV2', 'y', [g.node('LogicalAnd', 'a', [more, g.node('LogicalNot', 'n', [less])]), 'x', c]);
    },
    2,
  ),
  one(
    'ClipByValue',
    [2, 5],
    (g) => g.node('ClipByValue', 'y', ['x', g.weight('low', [], [-0.5]), g.weight('high', [], [0.75])]),
    2,
  ),
  one('AddN', [2, 5], (g) => g.node('AddN', 'y', ['x', g.weight('a', [2, 5]), 'x'], { N: 3 }), 2),
  one(
    'MatMul with a turned weight',
    [2, 5],
    (g) => g.node('MatMul', 'y', ['x', g.weight('w', [4, 5])], { transpose_a: false, transpose_b: true }),
    2,
  ),
  one(
    'MatMul and BiasAdd',
    [2, 5],
    (g) =>
      g.node('BiasAdd', 'y', [
        g.node('MatMul', 'm', ['x', g.weight('w', [5, 4])], { transpose_a: false, transpose_b: false }),
        g.weight('b', [4]),
      ]),
    2,
  ),
  one(
    'BatchMatMulV2, turned',
    [2, 3, 5],
    (g) => g.node('BatchMatMulV2', 'y', ['x', 'x'], { adj_x: false, adj_y: true }),
    3,
  ),
  ...['Mean', 'Sum', 'Max', 'Min'].map((op) =>
    one(op, [2, 3, 4], (g) => g.node(op, 'y', ['x', g.ints('a', [1])], { keep_dims: false }), 2),
  ),
  image('Conv2D same', (g) => g.node('Conv2D', 'y', ['x', g.weight('w', [3, 2, 3, 4])], HALF)),
  image('Conv2D dilated', (g) =>
    g.node('Conv2D', 'y', ['x', g.weight('w', [2, 3, 3, 4])], { ...SAME, dilations: [1, 2, 1, 1] }),
  ),
  image('Conv2D of a weight that two share', (g) => {
    const w = g.node('Identity', 'w/read', [g.weight('w', [3, 3, 3, 3])]);
    g.node('Conv2D', 'y', [g.node('Conv2D', 'a', ['x', w], SAME), w], SAME);
  }),
  image('_FusedConv2D with Prelu', (g) => fused(g, 'y', 'x', [3, 3, 4], ['BiasAdd', 'Prelu'])),
  image('_FusedConv2D with LeakyRelu', (g) =>
    fused(g, 'y', 'x', [3, 3, 4], ['BiasAdd', 'LeakyRelu'], { ...SAME, leakyrelu_alpha: { f: 0.1 } }),
  ),
  image('DepthwiseConv2dNative with a multiplier', (g) =>
    g.node('DepthwiseConv2dNative', 'y', ['x', g.weight('w', [3, 3, 3, 2])], HALF),
  ),
  image('Conv2DBackpropInput', (g) =>
    g.node('Conv2DBackpropInput', 'y', [g.ints('s', [2, 13, 12, 5]), g.weight('w', [3, 3, 5, 3]), 'x'], HALF),
  ),
  ...(['AvgPool', 'MaxPool'] as const).flatMap((op) => [
    image(`${op} same`, (g) => g.node(op, 'y', ['x'], { ...HALF, ksize: [1, 3, 3, 1] })),
    image(`${op} valid`, (g) => g.node(op, 'y', ['x'], { ...HALF, padding: 'VALID', ksize: [1, 2, 3, 1] })),
  ]),
  ...[
    [false, true],
    [true, false],
    [false, false],
  ].flatMap(([align_corners, half_pixel_centers]) =>
    (['ResizeBilinear', 'ResizeNearestNeighbor'] as const).map((op) =>
      image(`${op} ${align_corners ? 'of corners' : half_pixel_centers ? 'of centres' : 'as in TensorFlow 1'}`, (g) =>
        g.node(op, 'y', ['x', g.ints('s', [10, 9])], { align_corners, half_pixel_centers }),
      ),
    ),
  ),
  image('LRN', (g) =>
    g.node('LRN', 'y', ['x'], { depth_radius: 1, bias: { f: 1.5 }, alpha: { f: 0.2 }, beta: { f: 0.75 } }),
  ),
  one(
    'DepthToSpace',
    [1, 2, 3, 8],
    (g) => g.node('DepthToSpace', 'y', ['x'], { block_size: 2, data_format: 'NHWC' }),
    4,
  ),
  image('PadV2', (g) =>
    g.node('PadV2', 'y', ['x', g.paddings('p', [0, 0, 1, 2, 0, 1, 0, 0]), g.weight('v', [], [0.5])]),
  ),
  image('MirrorPad', (g) =>
    g.node('MirrorPad', 'y', ['x', g.paddings('p', [0, 0, 1, 2, 2, 1, 0, 0])], { mode: 'reflect' }),
  ),
  image('slices between convolutions', (g) => {
    const a = g.node('Conv2D', 'a', ['x', g.weight('w', [1, 1, 3, 4])], SAME);
    const s = g.node(
      'StridedSlice',
      's',
      [a, g.ints('b', [0, 1, 0, 0]), g.ints('e', [0, 6, 6, 3]), g.ints('st', [1, 2, 1, 1])],
      { begin_mask: 5, end_mask: 1, ellipsis_mask: 0, new_axis_mask: 0, shrink_axis_mask: 0 },
    );
    g.node('Conv2D', 'y', [s, g.weight('w2', [3, 3, 3, 2])], SAME);
  }),
  one(
    'splits of channels',
    [2, 3, 3, 4],
    (g) => {
      const a = g.node('Conv2D', 'a', ['x', g.weight('w', [1, 1, 4, 4])], SAME);
      g.node('Split', 's', [g.ints('axis', 3), a], { num_split: 2 });
      g.node('Mul', 'y', ['s:1', g.node('Tanh', 't', ['s'])]);
    },
    4,
  ),
  one(
    'Flatten by its shape',
    [2, 3, 2, 4],
    (g) => {
      const shape = g.node('Shape', 'shape', [g.node('Relu', 'r', ['x'])], { out_type: 'DT_INT32' });
      const batch = g.node('StridedSlice', 'b', [shape, g.ints('i', [0]), g.ints('e', [1]), g.ints('s', [1])], {
        begin_mask: 0,
        end_mask: 0,
        ellipsis_mask: 0,
        new_axis_mask: 0,
        shrink_axis_mask: 1,
      });
      const size = g.node('Pack', 'size', [batch, g.ints('rest', -1)], { N: 2, axis: 0, T: 'DT_INT32' });
      const flat = g.node('Reshape', 'flat', ['r', size]);
      g.node('MatMul', 'y', [flat, g.weight('w', [24, 3])], { transpose_a: false, transpose_b: false });
    },
    2,
  ),
  one(
    'Transpose, ExpandDims, Squeeze, Tile',
    [2, 3, 5],
    (g) => {
      const t = g.node('Transpose', 't', ['x', g.ints('p', [0, 2, 1])]);
      const e = g.node('ExpandDims', 'e', [t, g.ints('d', 1)]);
      g.node('Squeeze', 'y', [g.node('Tile', 'tile', [e, g.ints('m', [1, 1, 2, 1])])], { squeeze_dims: [1] });
    },
    3,
  ),
  one(
    'Unpack, Pack, GatherV2, ReverseV2',
    [3, 2, 5],
    (g) => {
      g.node('Unpack', 'u', ['x'], { num: 2, axis: 1 });
      const p = g.node('Pack', 'p', ['u:1', 'u'], { N: 2, axis: 2 });
      const picked = g.node('GatherV2', 'g', [p, g.ints('i', [4, 0, 0, 2]), g.ints('a', 1)], { batch_dims: 0 });
      g.node('ReverseV2', 'y', [picked, g.ints('r', [1])]);
    },
    3,
  ),
  one(
    'Slice, SplitV',
    [2, 6],
    (g) => {
      g.node('SplitV', 's', ['x', g.ints('n', [2, 4]), g.ints('a', 1)], { num_split: 2 });
      g.node('Slice', 'y', ['s:1', g.ints('b', [0, 1]), g.ints('z', [-1, 2])]);
    },
    2,
  ),
  one(
    'Fill and BroadcastTo',
    [2, 1],
    (g) => {
      const wide = g.node('BroadcastTo', 'wide', ['x', g.ints('s', [2, 3])]);
      g.node('AddV2', 'y', [wide, g.node('Fill', 'f', [g.ints('d', [2, 3]), g.weight('v', [], [0.25])])]);
    },
    2,
  ),
];
