/** Weights that a graph makes of constants, as constants: fills, copies, integers that stand for floats. */
import { ruleOf } from './operators/operators.ts';
import { scaledBack } from './operators/quantized.ts';
import type { HostValue } from './operators/value.ts';
import { onHost, type Program, type Step } from './program.ts';
import { isMadeUp } from './read.ts';

/** Operators whose results are weights as those of a file are. */
const SOURCES = ['ConstantOfShape', 'DequantizeLinear'];

/** The same graph, where what {@link SOURCES} make of constants, and copies of constants, are constants. */
export function simplified(program: Program): Program {
  const constants = new Map(program.constants);
  /** Names of constants by those that steps use for them. */
  const named = new Map<string, string>();
  const steps: Step[] = [];
  for (const given of program.steps) {
    const step = { ...given, inputs: given.inputs.map((name) => named.get(name) ?? name) };
    const [from = '', to = ''] = [step.inputs[0], step.outputs[0]];
    const isConstant = step.inputs.every((name) => name === '' || constants.has(name));
    const isOutput = program.outputs.includes(to);
    const made =
      isConstant && SOURCES.includes(step.op) && !isOutput ? onHost(step, program.opset, constants).get(to) : undefined;
    if (made) {
      const name = step.op === 'DequantizeLinear' ? floatName(from, constants) : to;
      constants.set(name, made);
      named.set(to, name);
    } else if (isConstant && step.op === 'Identity' && !isOutput) {
      // Under a name of its own it is a tensor that was equal to another, which is written once.
      if (isMadeUp(to)) named.set(to, from);
      else constants.set(to, constants.get(from)!);
    } else steps.push(step);
  }
  return { ...program, steps: needed(withFloatProducts(steps, constants), program.outputs), constants };
}

/** The steps that outputs depend on. */
function needed(steps: readonly Step[], outputs: readonly string[]): Step[] {
  const names = new Set(outputs);
  const kept = steps.toReversed().filter((step) => {
    const isNeeded = step.outputs.some((name) => names.has(name));
    if (isNeeded) for (const name of step.inputs) names.add(name);
    return isNeeded;
  });
  return kept.reverse();
}

/** The name of the float that an integer stands for: `conv.weight` of `conv.weight_quantized`. */
function floatName(name: string, constants: ReadonlyMap<string, HostValue>): string {
  const plain = name.replace(/_(quantized|q|int8)$/, '');
  return plain !== name && !constants.has(plain) ? plain : `${name}_float`;
}

/**
 * Products of a dynamically quantised value and a constant's integers, scaled back as exporters write it: `(x w) (scale of x · scale of w)`. In their
 * place, the product by the floats that the integers stand for.
 */
function withFloatProducts(steps: readonly Step[], constants: Map<string, HostValue>): Step[] {
  const makers = new Map(steps.flatMap((step) => step.outputs.map((name): [string, Step] => [name, step])));
  const makerOf = (name: string | undefined, op: string): Step | undefined => {
    const step = makers.get(name ?? '');
    return step?.op === op ? step : undefined;
  };
  return steps.map((step): Step => {
    if (step.op !== 'Mul') return step;
    for (const [a, b] of [step.inputs, step.inputs.toReversed()]) {
      const cast = makerOf(a, 'Cast');
      const product = makerOf(cast?.inputs[0], 'MatMulInteger') ?? makerOf(cast?.inputs[0], 'ConvInteger');
      const scales = makerOf(b, 'Mul');
      const quantized = makerOf(product?.inputs[0], 'DynamicQuantizeLinear');
      const scale = constants.get(scales?.inputs.find((name) => constants.has(name)) ?? '');
      const name = product?.inputs[1] ?? '';
      if (!quantized || !scale || !constants.has(name) || !scales?.inputs.includes(quantized.outputs[1] ?? ''))
        continue;
      const op = product!.op === 'ConvInteger' ? 'Conv' : 'MatMul';
      const zero = constants.get(product!.inputs[3] ?? '');
      const float = floatName(name, constants);
      constants.set(float, scaledBack(constants.get(name)!, scale, zero, op === 'Conv' ? 0 : -1));
      return {
        ...product!,
        op,
        inputs: [quantized.inputs[0]!, float],
        outputs: step.outputs,
        rule: ruleOf({ domain: '', opType: op })!,
      };
    }
    return step;
  });
}
