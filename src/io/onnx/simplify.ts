/** Weights that a graph makes of constants, as constants: fills, copies, integers that stand for floats. */
import { HostValue } from './operators/value.ts';
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
    } else steps.push(withFloatWeight(step, constants));
  }
  return { ...program, steps, constants };
}

/** The name of the float that an integer stands for: `conv.weight` of `conv.weight_quantized`. */
function floatName(name: string, constants: ReadonlyMap<string, HostValue>): string {
  const plain = name.replace(/_(quantized|q|int8)$/, '');
  return plain !== name && !constants.has(plain) ? plain : `${name}_float`;
}

/** Products of integers by those of a constant: by the floats of it, less its zero point. */
function withFloatWeight(step: Step, constants: Map<string, HostValue>): Step {
  if (step.op !== 'MatMulInteger' && step.op !== 'ConvInteger') return step;
  const [x, name = '', zeroX = '', zeroName = ''] = step.inputs;
  const [weight, zero] = [constants.get(name), constants.get(zeroName)];
  if (!weight || (zero && zero.size > 1 && zero.size !== weight.shape.at(-1))) return step;
  const float = floatName(name, constants);
  const data = Float32Array.from(weight.data, (v, i) => v - (zero ? zero.data[i % zero.size]! : 0));
  constants.set(float, new HostValue(weight.shape, 'float', data));
  return { ...step, inputs: [x!, float, zeroX] };
}
