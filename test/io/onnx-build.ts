/** Hand-made ONNX files for tests, and the small net of scripts/record-onnx-fixtures.py. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { WeightFileError } from '../../src/core/errors.ts';
import type { ReadOptions } from '../../src/io/base/format.ts';
import { readWeightFile } from '../../src/io/index.ts';
import { type ModelProto, messageType } from '../../src/io/onnx/schema.ts';
import { BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential } from '../../src/nn/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { bytes } from './build.ts';

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/io/${name}`, import.meta.url));

/** Something of a model that a test changes before it is written again. */
export type Editable<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer E)[]
    ? Editable<E>[]
    : T extends object
      ? { -readonly [K in keyof T]: Editable<T[K]> }
      : T;

export async function decoded(name: string): Promise<Editable<ModelProto>> {
  const model = messageType('ModelProto').decode(Uint8Array.from(await readFile(fixture(name))));
  return model as unknown as Editable<ModelProto>;
}

export function encoded(model: object): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(messageType('ModelProto').encode(model).finish());
}

/** A model of these nodes and tensors. */
export function modelOf(graph: object): Uint8Array<ArrayBuffer> {
  return encoded({ irVersion: 8, opsetImport: [{ domain: '', version: 17 }], graph });
}

/** A float32 tensor; zeros without values. */
export const floats = (name: string, dims: number[], values?: number[]): object => {
  const data = values ? Float32Array.from(values) : new Float32Array(dims.reduce((n, d) => n * d, 1));
  return { name, dims, dataType: 1, rawData: new Uint8Array(data.buffer) };
};

/** A length-delimited field of a message. */
export const field = (id: number, content: Uint8Array): Uint8Array<ArrayBuffer> => {
  const length: number[] = [];
  let rest = content.length;
  for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
  return bytes((id << 3) | 2, [...length, rest], content);
};
export const node = (opType: string, input: string[], output: string[], name = ''): object => ({
  opType,
  input,
  output,
  name,
});

/** Expects that reading `content` under the name `x.onnx` fails with this one line. */
export async function expectOnnxRefusal(
  content: Uint8Array<ArrayBuffer>,
  message: string | RegExp,
  options: ReadOptions = {},
): Promise<void> {
  const error = await readWeightFile(new File([content], 'x.onnx'), options).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightFileError);
  if (typeof message === 'string') expect((error as Error).message).toBe(`x.onnx: ${message}`);
  else expect((error as Error).message).toMatch(message);
}

class Block extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  relu = new ReLU();
  downsample: Sequential;

  constructor(channels: number) {
    super();
    this.conv1 = new Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = new Conv2d(channels, 2 * channels, 1, { bias: false });
    this.bn2 = new BatchNorm2d(2 * channels);
    this.downsample = new Sequential(
      new Conv2d(channels, 2 * channels, 1, { bias: false }),
      new BatchNorm2d(2 * channels),
    );
  }

  override forward(x: Tensor): Tensor {
    const y = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    return this.bn2.forward(this.conv2.forward(y)).add(this.downsample.forward(x)).relu();
  }
}

export class Net extends Module {
  conv1 = new Conv2d(3, 4, 3, { stride: 2, padding: 1, bias: false });
  bn1 = new BatchNorm2d(4);
  relu = new ReLU();
  layer1 = new Sequential(new Block(4));
  fc = new Linear(8, 5);

  override forward(x: Tensor): Tensor {
    const y = this.layer1.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))));
    return this.fc.forward(y.mean([2, 3]));
  }
}

/** The input and output that PyTorch computed for net.safetensors. */
export async function recordedNet(): Promise<{ input: Float32Array; output: Float32Array }> {
  const { input, output } = JSON.parse(await readFile(fixture('net.json'), 'utf8'));
  return { input: Float32Array.from(input), output: Float32Array.from(output) };
}
