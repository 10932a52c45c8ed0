/** Keras's Inception v3: without the auxiliary head, batch norms without scale. Szegedy et al. 2015, https://arxiv.org/abs/1512.00567. */
import type { LayerGraph } from './graph.ts';
import { defineKerasNetwork } from './network.ts';

type Kernel = number | readonly [height: number, width: number];
type Step = readonly [filters: number, kernel: Kernel];

/** The number of the convolution that each block, mixed0 to mixed10, begins with in the order of the layers. */
const BLOCKS = [8, 15, 22, 27, 34, 44, 54, 64, 72, 80, 89];

const ROW: Kernel = [1, 7];
const COLUMN: Kernel = [7, 1];

export const InceptionV3 = defineKerasNetwork({
  name: 'InceptionV3',
  title: 'Keras Inception v3',
  parameters: 23_817_352,
  multiplyAdds: 5.71,
  preprocessing: 'tf',
  stages: ['conv2d', ...BLOCKS.map((first) => `conv2d_${first}`), 'predictions'],
  maps: 'mixed10',
  modelName: 'inception_v3',
  side: 299,
  minSide: 75,
  published: ({ includeTop = true }) =>
    `inception_v3_weights_tf_dim_ordering_tf_kernels${includeTop ? '' : '_notop'}.h5`,
  namedPooling: false,
  features(graph, input) {
    let x = conv(graph, input, 32, 3, 'valid', 2);
    x = conv(graph, x, 32, 3, 'valid');
    x = conv(graph, x, 64, 3);
    x = graph.pool('Max', x, 3, 2);
    x = conv(graph, x, 80, 1, 'valid');
    x = conv(graph, x, 192, 3, 'valid');
    x = graph.pool('Max', x, 3, 2);
    for (const [i, pooled] of [32, 64, 64].entries()) x = fives(graph, x, pooled, `mixed${i}`);
    x = reduction(graph, x, 'mixed3', [
      [[384, 3]],
      [
        [64, 1],
        [96, 3],
        [96, 3],
      ],
    ]);
    for (const [i, filters] of [128, 160, 160, 192].entries()) x = sevens(graph, x, filters, `mixed${4 + i}`);
    x = reduction(graph, x, 'mixed8', [
      [
        [192, 1],
        [320, 3],
      ],
      [
        [192, 1],
        [192, ROW],
        [192, COLUMN],
        [192, 3],
      ],
    ]);
    for (const i of [0, 1]) x = threes(graph, x, i);
    return x;
  },
});

/** A convolution, its batch norm and a ReLU. */
function conv(
  graph: LayerGraph,
  from: string,
  filters: number,
  kernel: Kernel,
  padding: 'same' | 'valid' = 'same',
  strides = 1,
): string {
  const x = graph.convolution(from, filters, kernel, { padding, strides });
  return graph.activation(graph.norm(x, undefined, { scale: false }), 'relu');
}

function branch(graph: LayerGraph, from: string, steps: readonly Step[]): string {
  return steps.reduce((x, [filters, kernel]) => conv(graph, x, filters, kernel), from);
}

function pooledBranch(graph: LayerGraph, from: string, filters: number): string {
  return conv(graph, graph.pool('Average', from, 3, 1, undefined, 'same'), filters, 1);
}

function join(graph: LayerGraph, branches: readonly string[], name?: string): string {
  return graph.add('Concatenate', branches, { axis: -1 }, name);
}

function fives(graph: LayerGraph, x: string, pooled: number, name: string): string {
  const branches: Step[][] = [
    [[64, 1]],
    [
      [48, 1],
      [64, 5],
    ],
    [
      [64, 1],
      [96, 3],
      [96, 3],
    ],
  ];
  return join(graph, [...branches.map((steps) => branch(graph, x, steps)), pooledBranch(graph, x, pooled)], name);
}

function sevens(graph: LayerGraph, x: string, n: number, name: string): string {
  const branches: Step[][] = [
    [[192, 1]],
    [
      [n, 1],
      [n, ROW],
      [192, COLUMN],
    ],
    [
      [n, 1],
      [n, COLUMN],
      [n, ROW],
      [n, COLUMN],
      [192, ROW],
    ],
  ];
  return join(graph, [...branches.map((steps) => branch(graph, x, steps)), pooledBranch(graph, x, 192)], name);
}

/** Halves the image: each branch's last step has stride 2 and no margins. */
function reduction(graph: LayerGraph, x: string, name: string, branches: readonly (readonly Step[])[]): string {
  const ends = branches.map((steps) => {
    const [filters, kernel] = steps.at(-1)!;
    return conv(graph, branch(graph, x, steps.slice(0, -1)), filters, kernel, 'valid', 2);
  });
  return join(graph, [...ends, graph.pool('Max', x, 3, 2)], name);
}

function threes(graph: LayerGraph, x: string, i: number): string {
  /** 1x3 and 3x1 side by side. */
  const split = (from: string, name?: string) => {
    const sides: Kernel[] = [
      [1, 3],
      [3, 1],
    ];
    return join(
      graph,
      sides.map((kernel) => conv(graph, from, 384, kernel)),
      name,
    );
  };
  const single = conv(graph, x, 320, 1);
  const triple = split(conv(graph, x, 384, 1), `mixed9_${i}`);
  const double = split(
    branch(graph, x, [
      [448, 1],
      [384, 3],
    ]),
  );
  return join(graph, [single, triple, double, pooledBranch(graph, x, 192)], `mixed${9 + i}`);
}
