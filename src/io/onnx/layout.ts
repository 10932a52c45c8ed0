/** Transposes of a graph, moved past what computes element by element or along axes, to where another undoes them. */
import { normalizeAxis } from '../../core/shape.ts';
import { ruleOf } from './operators/operators.ts';
import { HostValue, strided } from './operators/value.ts';
import type { Program, Step } from './program.ts';
import type { AttributeProto } from './schema.ts';

/** Operators of one operand and settings, element by element. */
const UNARY = new Set(
  (
    'Identity Cast Clip Relu LeakyRelu ThresholdedRelu Elu Celu Selu Sigmoid Tanh Softplus Softsign Mish Swish Gelu HardSwish HardSigmoid ' +
    'Neg Abs Exp Log Sqrt Reciprocal Floor Ceil Sign Erf Not'
  ).split(' '),
);

/** Operators of several operands, element by element, broadcast to one shape. */
const BROADCAST = new Set(
  'Add Sub Mul Div Pow Max Min Sum Mean Equal Less LessOrEqual Greater GreaterOrEqual And Or Where PRelu'.split(' '),
);

/** A value that is another with its axes in the order of `perm`: axis k is axis perm[k] of `from`. */
interface Turned {
  readonly from: string;
  readonly perm: readonly number[];
}

const isOrder = (perm: readonly number[]): boolean => perm.every((axis, k) => axis === k);

/** An attribute of whole numbers. */
export const intsAttribute = (name: string, ints: readonly number[]): AttributeProto => ({
  ...{ name, f: 0, i: 0, s: new Uint8Array(0), t: null, floats: [] },
  ints,
});

/** An attribute of one whole number. */
export const intAttribute = (name: string, i: number): AttributeProto => ({ ...intsAttribute(name, []), i });

/** The same graph with as few transposes as are left when those that undo each other have met. */
export function withoutTransposes(program: Program): Program {
  const layout = new Layout(program);
  for (const step of program.steps) layout.add(step);
  const needed = new Set(program.outputs);
  const steps = layout.steps.toReversed().filter((step) => {
    const isNeeded = step.outputs.some((name) => needed.has(name));
    if (isNeeded) for (const name of step.inputs) needed.add(name);
    return isNeeded;
  });
  const constants = new Map([...layout.constants].filter(([name]) => needed.has(name)));
  return { ...program, steps: steps.reverse(), constants };
}

/** A graph whose one input is images with their channels last, which it turns, as one that takes them first: [N, C, H, W]. Any other as it is. */
export function withImagesFirst(program: Program): Program {
  const [port, ...others] = program.inputs;
  const [N, H, W, C] = port?.shape ?? [];
  const isLast = port?.shape?.length === 4 && (C === 3 || C === 1) && typeof H === 'number' && H > 4;
  if (!port || !isLast || others.length > 0) return program;
  const last = `${port.name}~last`;
  const rename = (names: readonly string[]) => names.map((name) => (name === port.name ? last : name));
  const turn: Step = {
    ...{ op: 'Transpose', name: '', label: `Transpose of '${port.name}'`, inputs: [port.name], outputs: [last] },
    attributes: new Map([['perm', intsAttribute('perm', [0, 2, 3, 1])]]),
    rule: ruleOf({ domain: '', opType: 'Transpose' })!,
  };
  const steps = program.steps.map((step) => ({ ...step, inputs: rename(step.inputs) }));
  const inputs = [{ ...port, shape: [N!, C, H, W!] }];
  const turned = withoutTransposes({ ...program, inputs, steps: [turn, ...steps] });
  const transposes = (given: Program) => given.steps.filter(({ op }) => op === 'Transpose').length;
  return transposes(turned) <= transposes(program) ? turned : program;
}

class Layout {
  readonly steps: Step[] = [];
  readonly constants: Map<string, HostValue>;
  readonly #turned = new Map<string, Turned>();
  /** Uses of a value. */
  readonly #uses = new Map<string, number>();

  constructor({ steps, constants, outputs }: Program) {
    this.constants = new Map(constants);
    for (const name of [...steps.flatMap(({ inputs }) => inputs), ...outputs])
      this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  add(step: Step): void {
    const rule = step.op === 'Transpose' ? this.#transpose : this.#moved;
    if (!rule.call(this, step)) this.steps.push(step);
  }

  /** Two transposes behind one another are one. */
  #transpose(step: Step): boolean {
    const [x, y] = [step.inputs[0]!, step.outputs[0]!];
    const perm = step.attributes.get('perm')?.ints;
    const before = this.#turned.get(x);
    if (!perm?.length) return false;
    this.#give(step, y, before ? { from: before.from, perm: perm.map((k) => before.perm[k]!) } : { from: x, perm });
    return true;
  }

  /** `name` is another value in another order: as a step for those who want it so, and known for those who do not. */
  #give(step: Step, name: string, turned: Turned): void {
    const isSame = isOrder(turned.perm);
    const op = isSame ? 'Identity' : 'Transpose';
    const attributes = new Map(isSame ? [] : [['perm', intsAttribute('perm', turned.perm)] as const]);
    const rule = ruleOf({ domain: '', opType: op })!;
    const label = `${op} '${name}'`;
    this.steps.push({ op, label, name: step.name, inputs: [turned.from], outputs: [name], attributes, rule });
    this.#turned.set(name, turned);
  }

  /** A step before the transpose of its inputs in place of behind it. @returns false where that is not possible. */
  #moved(step: Step): boolean {
    const turned = step.inputs.map((name) => this.#turned.get(name));
    const first = turned.find((t) => t !== undefined);
    if (!first) return false;
    const { perm } = first;
    if (UNARY.has(step.op)) return this.#put(step, [turned[0]!.from, ...step.inputs.slice(1)], perm);
    if (BROADCAST.has(step.op) || step.op === 'Concat') {
      const isAlike = turned.every((t) => !t || String(t.perm) === String(perm));
      const inputs = isAlike
        ? step.inputs.map((name, i) => turned[i]?.from ?? this.#constant(name, perm))
        : [undefined];
      if (!inputs.every((name) => name !== undefined)) return false;
      return this.#put(step, inputs, perm, step.op === 'Concat' ? this.#axis(step, perm) : step.attributes);
    }
    if (!turned[0]) return false;
    const inputs = [turned[0].from, ...step.inputs.slice(1)];
    if (['Split', 'Softmax', 'LogSoftmax'].includes(step.op))
      return this.#put(step, inputs, perm, this.#axis(step, perm, step.op === 'Split' ? 0 : -1));
    if (step.op === 'Pad') return this.#pad(step, inputs, perm);
    if (step.op === 'Slice') return this.#slice(step, inputs, perm);
    if (/^Reduce|^Squeeze$/.test(step.op)) return this.#reduce(step, inputs, perm);
    return false;
  }

  /** The step of other inputs, whose outputs are then in the order `perm` of its own. */
  #put(step: Step, inputs: readonly string[], perm: readonly number[], attributes = step.attributes): boolean {
    const outputs = step.outputs.map((name) => (name === '' ? '' : `${name}~turned`));
    this.steps.push({ ...step, inputs, outputs, attributes });
    for (const [i, name] of step.outputs.entries())
      if (name !== '') this.#give(step, name, { from: outputs[i]!, perm });
    return true;
  }

  #axis(step: Step, perm: readonly number[], otherwise = 0): Step['attributes'] {
    const axis = normalizeAxis(step.op, step.attributes.get('axis')?.i ?? otherwise, perm.length);
    return new Map([...step.attributes, ['axis', intAttribute('axis', perm[axis]!)]]);
  }

  /** Constants beside a value whose transpose is gone, in its order; undefined for what is no constant or has more axes. */
  #constant(name: string, perm: readonly number[]): string | undefined {
    const value = this.constants.get(name);
    if (name === '' || value?.shape.length === 0) return name;
    if (!value || value.shape.length > perm.length) return undefined;
    const shape = [...new Array(perm.length - value.shape.length).fill(1), ...value.shape];
    const strides = shape.map((_, k) => shape.slice(k + 1).reduce((n, d) => n * d, 1));
    const place = perm.map((_, axis) => perm.indexOf(axis));
    const turned = strided(
      new HostValue(shape, value.kind, value.data, value.stored),
      place.map((k) => shape[k]!),
      place.map((k) => strides[k]!),
    );
    const own = this.#uses.get(name) === 1 ? name : `${name}~${perm.join('')}`;
    this.constants.set(own, new HostValue(turned.shape, value.kind, turned.data, value.stored));
    return own;
  }

  #pad(step: Step, inputs: readonly string[], perm: readonly number[]): boolean {
    const pads = this.constants.get(step.inputs[1] ?? '');
    const rank = perm.length;
    if (pads?.size !== 2 * rank || (step.inputs[3] ?? '') !== '') return false;
    const own = new Array<number>(2 * rank);
    for (const [k, axis] of perm.entries()) [own[axis], own[axis + rank]] = [pads.data[k]!, pads.data[k + rank]!];
    return this.#put(step, [inputs[0]!, this.#numbers(step, 'pads', own), ...inputs.slice(2)], perm);
  }

  #slice(step: Step, inputs: readonly string[], perm: readonly number[]): boolean {
    const starts = this.constants.get(step.inputs[1] ?? '');
    const given =
      (step.inputs[3] ?? '') === '' ? starts?.data.map((_, i) => i) : this.constants.get(step.inputs[3]!)?.data;
    if (!starts || !given) return false;
    const axes = Array.from(given, (axis) => perm[normalizeAxis('Slice', axis, perm.length)]!);
    return this.#put(step, [...inputs.slice(0, 3), this.#numbers(step, 'axes', axes), ...inputs.slice(4)], perm);
  }

  #reduce(step: Step, inputs: readonly string[], perm: readonly number[]): boolean {
    const isSqueeze = step.op === 'Squeeze';
    const list =
      step.attributes.get('axes')?.ints ?? (step.inputs[1] ? this.constants.get(step.inputs[1])?.data : undefined);
    if (!list?.length) return false;
    const gone = new Set(Array.from(list, (axis) => normalizeAxis(step.op, axis, perm.length)));
    const axes = [...gone].map((axis) => perm[axis]!);
    const attributes = new Map([...step.attributes].filter(([name]) => name !== 'axes'));
    const own = [inputs[0]!, this.#numbers(step, 'axes', axes)];
    const keeps = !isSqueeze && (step.attributes.get('keepdims')?.i ?? 1) === 1;
    if (keeps) return this.#put(step, own, perm, attributes);
    const left = perm.filter((_, axis) => !gone.has(axis));
    const sorted = [...left].sort((a, b) => a - b);
    const order = left.map((axis) => sorted.indexOf(axis));
    if (!isOrder(order)) return this.#put(step, own, order, attributes);
    this.steps.push({ ...step, inputs: own, attributes });
    return true;
  }

  #numbers(step: Step, what: string, list: readonly number[]): string {
    const name = `${step.outputs[0]}~${what}`;
    this.constants.set(name, new HostValue([list.length], 'int', list));
    return name;
  }
}
