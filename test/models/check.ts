/** How a network is checked against PyTorch's float64: logits, gradients, training steps, on weights made by a hash. */
import { sha256 } from '../../src/core/digest.ts';
import { graftHead } from '../../src/models/graft.ts';
import { networkEntry } from '../../src/models/registry.ts';
import { crossEntropy, Dropout, Linear, type Module, type Sequential, StochasticDepth } from '../../src/nn/index.ts';
import { SGD } from '../../src/optim/index.ts';
import { forwardImages } from '../../src/tasks/images.ts';
import { withAuxiliary } from '../../src/tasks/task.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { bounded, type Check, type Measurement, same, titleOf } from '../measurement.ts';
import { hashInput, hashLabels, hashValues, hashWeights, stateEntries, unpacked } from './hash-weights.ts';

/** An entry of test/fixtures/models/logits.json. */
export interface LogitsCase {
  readonly model: string;
  readonly batch: number;
  readonly size: number;
  readonly classes?: number;
  readonly hidden?: number;
  readonly gain?: number;
  readonly logits: string;
}

/** An entry of test/fixtures/models/training.json. */
export interface TrainingCase {
  readonly model: string;
  readonly batch: number;
  readonly size: number;
  readonly classes: number;
  readonly hidden?: number;
  readonly gain?: number;
  readonly training: boolean;
  readonly frozenUntil?: string;
  /** Channels of biases that are moved, so that no ReLU input is near a bend: there gradients jump. */
  readonly shifts?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly lr: number;
  readonly losses: readonly number[];
  readonly gradients: Readonly<Record<string, { readonly norm: number; readonly values: string }>>;
  readonly stats: Readonly<Record<string, string>>;
}

export const logitsChecks = (cases: readonly LogitsCase[]): Check[] =>
  cases.map((c) => ({
    subject: c.model,
    name: `logits, batch ${c.batch} at ${c.size}`,
    measure: () => matchLogits(c),
  }));

export const trainingChecks = (cases: readonly TrainingCase[]): Check[] =>
  cases.map((c) => {
    const frozen = c.frozenUntil ? `frozen until ${c.frozenUntil}, ` : '';
    return {
      subject: c.model,
      name: `${frozen}batch ${c.batch} at ${c.size}: gradients and ten steps`,
      measure: () => matchTraining(c),
    };
  });

/** Networks that differ from the first of their family in how often a block is repeated, or how wide it is. */
const FURTHER =
  /^(convnext_(small|base|large)|densenet(169|201)|efficientnet_(b[1-7]|v2_[ml])|vgg(13|16|19)(_bn)?): logits/;
/** Whole sizes, of networks that a small size of shows as much. */
const LARGE =
  /^(resnet18|squeezenet1_1|densenet121|inception_v3|mobilenet\w+|efficientnet_b0): logits, .* at (224|299)$/;
/** Trainings of more than five seconds on two cores. */
const LONG = /^(resnet18|convnext_tiny: frozen until features\.6)\b.*: gradients|at (224|299): gradients/;

/**
 * Rows that take long or much memory on a software adapter, or show little that a quicker one of their family does not. They run where they are asked
 * for: with REGRAFT_SLOW=1, on the conformance page by its box.
 */
export const isSlow = (check: Check): boolean => [FURTHER, LARGE, LONG].some((slow) => slow.test(titleOf(check)));

/** Largest difference over the largest magnitude. */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(found[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return found.length === expected.length ? difference / largest : Number.NaN;
}

const inputOf = ({ batch, size }: { batch: number; size: number }) =>
  tensor(hashInput([batch, 3, size, size]), [batch, 3, size, size]);

/**
 * A case's network on hash weights. `hidden` narrows VGG's dense layers, whose first weight has 411 MB, more than software adapters and many
 * browsers bind at once: products of that size, and so the logits of a whole VGG, are not shown.
 */
async function build({ model: name, hidden, gain }: LogitsCase | TrainingCase, numClasses?: number): Promise<Module> {
  const model = await (await networkEntry(name)).create(numClasses === undefined ? {} : { numClasses });
  if (hidden !== undefined) {
    const dense = (model as Module & { classifier: Sequential }).classifier;
    dense[0] = new Linear(25_088, hidden);
    dense[3] = new Linear(hidden, hidden);
    dense[6] = new Linear(hidden, (dense[6] as Linear).outFeatures);
  }
  return hashWeights(model, gain);
}

async function matchLogits(c: LogitsCase): Promise<Measurement[]> {
  const model = (await build(c, c.classes)).eval();
  const y = await noGrad(() => model.forward(inputOf(c))).data();
  return [bounded('forward', 'logits', relativeError(y, unpacked(c.logits)), 1e-4)];
}

/** The model of a case: perhaps with new heads and all before a part frozen, nothing dropped, and what keeps ReLU inputs off bends. */
async function prepare(c: TrainingCase): Promise<Module> {
  const model = await build(c);
  if (c.frozenUntil) {
    const index = stateEntries(model).length + 1000;
    for (const [k, path] of (await networkEntry(c.model)).heads.entries()) {
      const head = graftHead(model, path, c.classes);
      head.weight.set(hashValues(index + 2 * k, 'weight', head.weight.shape));
      head.bias!.set(hashValues(index + 2 * k + 1, 'bias', head.bias!.shape));
    }
    model.freezeUntil(c.frozenUntil);
  }
  const parameters = new Map(model.namedParameters());
  for (const [name, shifts] of Object.entries(c.shifts ?? {})) {
    const bias = await parameters.get(name)!.data();
    parameters.get(name)!.set(bias.map((v, channel) => v + (shifts[channel] ?? 0)));
  }
  model.train(c.training);
  for (const module of model.modules())
    if (module instanceof Dropout || module instanceof StochasticDepth) module.eval();
  return model;
}

async function matchTraining(c: TrainingCase): Promise<Measurement[]> {
  const model = await prepare(c);
  const x = inputOf(c);
  const labels = tensor(hashLabels(c.batch, c.classes));
  const frozen = await frozenBytes(model);
  const optimizer = new SGD(model.parameters(), { lr: c.lr, momentum: 0.9 });
  const found: Measurement[] = [];
  for (const [i, expected] of c.losses.entries()) {
    const outputs = forwardImages('logits')(model, { images: x });
    const loss = withAuxiliary(outputs, ({ logits }) => crossEntropy(logits!, labels));
    loss.backward();
    if (i === 0) found.push(...(await matchGradients(model, c)), ...(await matchStatistics(model, c)));
    optimizer.step();
    // Gradients that nobody reads are never stored: from the second step on, the kernels that compute them take the optimizer's.
    optimizer.zeroGrad();
    const error = relativeError([await loss.item()], [expected]);
    found.push(bounded('forward', `loss of step ${i + 1}`, error, i === 0 ? 1e-4 : 1e-3));
  }
  return [...found, same('bytes of frozen tensors', await frozenBytes(model), frozen)];
}

/** Running means and variances after one step. */
async function matchStatistics(model: Module, { stats }: TrainingCase): Promise<Measurement[]> {
  const found: Measurement[] = [];
  for (const [name, buffer] of model.namedBuffers())
    if (stats[name])
      found.push(bounded('forward', name, relativeError(await buffer.data(), unpacked(stats[name])), 1e-5));
  return found;
}

async function matchGradients(model: Module, c: TrainingCase): Promise<Measurement[]> {
  const trainable = model.namedParameters().filter(([, p]) => p.requires_grad);
  const names = trainable.map(([name]) => name);
  const found = [same('trainable parameters', names, Object.keys(c.gradients))];
  if (found[0]!.fault) return found;
  // At 224 a few ReLU inputs of layer4 lie within float32 rounding of zero (8e-7 deviations) and may fall on the other side
  // than in float64: single elements of the gradients then differ by thousandths, the norms do not.
  const tolerance = c.size >= 224 ? 1e-2 : 1e-3;
  const largest = Math.max(...Object.values(c.gradients).map(({ norm }) => norm));
  for (const [name, p] of trainable) {
    const g = await p.grad!.data();
    const { norm: recorded, values } = c.gradients[name]!;
    // A bias that the next batch norm takes off again has a gradient of zero, in float32 of rounding.
    const norm = recorded < 1e-9 * largest ? 1e-4 * largest : recorded;
    const got = Math.sqrt(g.reduce((sum, v) => sum + v * v, 0));
    const expected = unpacked(values);
    const samples = Float32Array.from(expected, (_, k) => g[Math.floor((k * g.length) / expected.length)]!);
    // Single elements against the tensor's typical element, so that one near zero does not count as wrong.
    const typical = norm / Math.sqrt(g.length);
    const worst = Math.max(...samples.map((v, k) => Math.abs(v - expected[k]!))) / typical;
    found.push(bounded('gradient', `norm of the gradient of ${name}`, Math.abs(got - recorded) / norm, 1e-3));
    found.push(bounded('gradient', `gradient of ${name}`, worst, tolerance));
  }
  return found;
}

/** Digests of all frozen parameters and of the statistics of frozen batch norms. */
async function frozenBytes(model: Module): Promise<Record<string, string>> {
  const frozen: Record<string, string> = {};
  for (const [path, module] of model.namedModules()) {
    if (module.ownParameters().length === 0 || module.ownParameters().some(([, p]) => p.requires_grad)) continue;
    for (const [name, { data }] of await module.stateDict()) frozen[`${path}.${name}`] = await sha256(data);
  }
  return frozen;
}
