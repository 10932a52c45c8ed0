/**
 * Quantised operators, read as the floats that they stand for: integers of constants are scaled back, values of the network stay floats and
 * keep the limits that their integers had.
 */
import { normalizeAxis } from '../../../core/shape.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { type Call, onDevice, type Rule } from './call.ts';
import { roundEven } from './elementwise.ts';
import { HostValue, isHost, type Value } from './value.ts';
import { conv } from './windows.ts';

/** Integers as the floats that they stand for: (x - zero) scale, by one scale or one for each place along `axis`. */
export function scaledBack(x: HostValue, scale: HostValue, zero: HostValue | undefined, axis: number): HostValue {
  // One scale is for all, whatever the axis.
  const at = scale.size > 1 ? normalizeAxis('DequantizeLinear', axis, x.shape.length) : 0;
  const inner = x.shape.slice(at + 1).reduce((n, d) => n * d, 1);
  const index = (i: number) => (scale.size === 1 ? 0 : Math.floor(i / inner) % scale.size);
  const data = Float32Array.from(
    x.data,
    (v, i) => (v - (zero?.data[zero.size > 1 ? index(i) : 0] ?? 0)) * scale.data[index(i)]!,
  );
  return new HostValue(x.shape, 'float', data);
}

/** The least and the largest integer of a type. */
const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int16: [-32768, 32767],
};

const zeroOf = (call: Call, i: number): HostValue | undefined => (call.has(i) ? call.host(i) : undefined);

/** Integers of a constant less their zero point; floats as they are. */
function centred(call: Call, i: number, zero: number): Tensor {
  const x = call.value(i);
  if (!isHost(x)) return x;
  const { data = new Float64Array(1) } = zeroOf(call, zero) ?? {};
  if (data.length > 1) call.refuse('a zero point for each column is not computed here.');
  return call.around.toTensor(
    new HostValue(
      x.shape,
      'float',
      Float32Array.from(x.data, (v) => v - data[0]!),
    ),
  );
}

/** A constant as integers. */
function rounded(call: Call, x: HostValue): HostValue {
  const [scale, zero] = [call.host(1), zeroOf(call, 2)];
  if (scale.size > 1) call.refuse('a constant that the graph quantises by several scales is not computed here.');
  const [low, high] = LIMITS[zero?.stored ?? 'uint8'] ?? [0, 255];
  const integer = (v: number) => roundEven(v / scale.data[0]!) + (zero?.data[0] ?? 0);
  return new HostValue(
    x.shape,
    'int',
    Float64Array.from(x.data, (v) => Math.min(Math.max(integer(v), low), high)),
  );
}

/** A value of the network as it would be after quantising: within the integers' limits, and not rounded. */
function limited(call: Call, x: Tensor): Value {
  const [scale, zero] = [call.host(1), zeroOf(call, 2)];
  if (scale.size !== 1) return x;
  const from = zero?.data[0] ?? 0;
  const [low, high] = LIMITS[zero?.stored ?? 'uint8'] ?? [0, 255];
  return x.clamp((low - from) * scale.data[0]!, (high - from) * scale.data[0]!);
}

export const QUANTIZED: Readonly<Record<string, Rule>> = {
  QuantizeLinear: (call) => {
    const x = call.value(0);
    return isHost(x) ? rounded(call, x) : limited(call, x);
  },
  DequantizeLinear: (call) => {
    const x = call.value(0);
    return isHost(x) ? scaledBack(x, call.host(1), zeroOf(call, 2), call.int('axis', 1)) : x;
  },
  // The float itself, with a scale of 1 and a zero point of 0.
  DynamicQuantizeLinear: (call) => [call.value(0), new HostValue([], 'float', [1]), new HostValue([], 'int', [0])],
  MatMulInteger: onDevice((call) => centred(call, 0, 2).matmul(centred(call, 1, 3))),
  ConvInteger: onDevice((call) => conv(call, centred(call, 0, 2), centred(call, 1, 3), null)),
};
