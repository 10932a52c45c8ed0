/** Nodes of a graph as the layers that they were made of: what is hooked, summarised and replaced under a name. */
import { ShapeError } from '../../core/errors.ts';
import type { Call } from '../../io/onnx/operators/call.ts';
import { batchNorm } from '../../io/onnx/operators/norms.ts';
import { type Step, shortest } from '../../io/onnx/program.ts';
import { BatchNorm2d, Buffer, Conv2d, Linear, type Module, Parameter } from '../../nn/index.ts';
import { isReplaying } from '../../tensor/replay.ts';
import type { Tensor } from '../../tensor/tensor.ts';

/** How a layer of a graph is computed: by its node, whatever its attributes are. */
type Run = (x: Tensor) => Tensor;

class GraphConv2d extends Conv2d {
  readonly #run: Run;

  constructor(weight: Parameter, options: ConstructorParameters<typeof Conv2d>[3] & { groups: number }, run: Run) {
    const [out, depth, ...kernel] = weight.shape as [number, number, number, number];
    super(depth * options.groups, out, kernel as [number, number], { ...options, bias: false });
    this.#run = run;
  }

  override get typeName(): string {
    return 'Conv2d';
  }

  override forward(x: Tensor): Tensor {
    return this.#run(x);
  }
}

class GraphLinear extends Linear {
  readonly #run: Run;

  constructor(inFeatures: number, outFeatures: number, run: Run) {
    super(inFeatures, outFeatures, { bias: false });
    this.#run = run;
  }

  override get typeName(): string {
    return 'Linear';
  }

  override forward(x: Tensor): Tensor {
    return this.#run(x);
  }
}

/** Of [N, C, …] of any rank. */
class GraphBatchNorm extends BatchNorm2d {
  override get typeName(): string {
    return 'BatchNorm2d';
  }

  override forward(x: Tensor): Tensor {
    if (x.shape[1] !== this.numFeatures)
      throw new ShapeError(
        'batchNorm2d',
        `input must have ${this.numFeatures} channels, got [${x.shape.join(', ')}].`,
        [x.shape],
      );
    const training = this.training && !this.frozen;
    const options = { training, momentum: training ? this.momentum! : 0, eps: this.eps };
    // A checkpointed part that runs again has moved its statistics the first time.
    const isAgain = training && isReplaying();
    const statistics = isAgain ? ([null, null] as const) : ([this.running_mean, this.running_var] as const);
    return batchNorm(x, [this.weight!, this.bias!, ...statistics], options);
  }
}

/** A layer that a node is, before it has a place. */
export interface Layer {
  readonly module: Module;
  /** The module's fields, with the names of their tensors. */
  readonly fields: Readonly<Record<string, string>>;
  /** Whether a new head may take its place. */
  readonly isProduct: boolean;
}

/** Finds the tensor of a name. */
type Tensors = ReadonlyMap<string, Parameter | Buffer>;

/** The layer that a node is by itself; undefined where its weights are computed, or it is of another kind. */
export function layerOf(step: Step, tensors: Tensors, run: (step: Step, x: Tensor) => Tensor): Layer | undefined {
  const parameter = (i: number): Parameter | undefined => {
    const found = tensors.get(step.inputs[i] ?? '');
    return found instanceof Parameter ? found : undefined;
  };
  const call = { int: (name: string, otherwise: number) => step.attributes.get(name)?.i ?? otherwise };
  const ints = (name: string, otherwise: readonly number[]) => step.attributes.get(name)?.ints ?? otherwise;
  const float = (name: string, otherwise: number) => step.attributes.get(name)?.f ?? otherwise;
  const weight = parameter(1);
  const hasBias = (step.inputs[2] ?? '') !== '';
  if (!weight || (hasBias && !parameter(2))) return undefined;
  const fields: Record<string, string> = { weight: step.inputs[1]!, ...(hasBias && { bias: step.inputs[2]! }) };
  const forward: Run = (x) => run(step, x);
  switch (step.op) {
    case 'Conv': {
      if (weight.rank !== 4) return undefined;
      const [top, left, bottom, right] = ints('pads', [0, 0, 0, 0]) as [number, number, number, number];
      const options = {
        stride: [...ints('strides', [1, 1])] as [number, number],
        dilation: [...ints('dilations', [1, 1])] as [number, number],
        padding: top === bottom && left === right ? ([top, left] as const) : ([top, bottom, left, right] as const),
        groups: call.int('group', 1),
      };
      return { module: new GraphConv2d(weight, options as never, forward), fields, isProduct: true };
    }
    case 'Gemm': {
      const isPlain = call.int('transA', 0) === 0 && float('alpha', 1) === 1 && float('beta', 1) === 1;
      if (!isPlain || weight.rank !== 2) return undefined;
      return { module: linear(weight, call.int('transB', 0) === 1, forward), fields, isProduct: true };
    }
    case 'MatMul':
      if (weight.rank !== 2) return undefined;
      return { module: linear(weight, step.attributes.has('transB'), forward), fields, isProduct: true };
    case 'BatchNormalization': {
      const statistics = [3, 4].map((i) => step.inputs[i] ?? '');
      if (!hasBias || !statistics.every((name) => tensors.get(name) instanceof Buffer)) return undefined;
      const module = new GraphBatchNorm(weight.size, {
        eps: float('epsilon', 1e-5),
        momentum: shortest(1 - float('momentum', 0.9)),
      });
      module.num_batches_tracked = null;
      const [running_mean, running_var] = statistics as [string, string];
      return { module, fields: { ...fields, running_mean, running_var }, isProduct: false };
    }
    default:
      return undefined;
  }
}

function linear({ shape }: Parameter, isTransposed: boolean, run: Run): Linear {
  const [first, second] = shape as [number, number];
  return isTransposed ? new GraphLinear(second, first, run) : new GraphLinear(first, second, run);
}

/**
 * Matrix products with the bias that the next node adds, and with a weight that the node before transposes, as one step: then a layer can
 * take their place. Steps that nobody needs any more are gone.
 */
export function joinedProducts(steps: readonly Step[], outputs: readonly string[], tensors: Tensors): Step[] {
  const users = new Map<string, Step[]>();
  const makers = new Map<string, Step>();
  for (const step of steps) {
    for (const name of step.inputs) users.set(name, [...(users.get(name) ?? []), step]);
    for (const name of step.outputs) makers.set(name, step);
  }
  const gone = new Set<Step>();
  const joined = steps.map((step) => {
    if (step.op !== 'MatMul') return step;
    const [x, w = ''] = step.inputs;
    const turned = makers.get(w);
    const isTurned = turned?.op === 'Transpose' && tensors.get(turned.inputs[0]!)?.rank === 2;
    const weight = isTurned ? turned.inputs[0]! : w;
    if (tensors.get(weight)?.rank !== 2) return step;
    const [add, ...others] = users.get(step.outputs[0]!) ?? [];
    const bias = add?.op === 'Add' ? add.inputs.find((name) => tensors.get(name)?.rank === 1) : undefined;
    const joins = bias !== undefined && others.length === 0 && !outputs.includes(step.outputs[0]!);
    if (isTurned && users.get(w)?.length === 1) gone.add(turned);
    if (joins) gone.add(add!);
    const rule = (call: Call): Tensor => {
      const [a, b, c] = [call.tensor(0), call.tensor(1), call.optional(2)];
      if (isTurned) return a.linear(b, c);
      return c ? a.matmul(b).add(c) : a.matmul(b);
    };
    return {
      ...step,
      inputs: [x!, weight, ...(joins ? [bias] : [])],
      outputs: joins ? add!.outputs : step.outputs,
      attributes: isTurned ? new Map([...step.attributes, ['transB', { i: 1 } as never]]) : step.attributes,
      rule,
    };
  });
  return joined.filter((_, i) => !gone.has(steps[i]!));
}
