/** ONNX's own operator tests, recorded with its reference implementation (scripts/record-onnx-operators.py). */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { init, noGrad, tensor } from '../../src/index.ts';
import { onnx } from '../../src/models/index.ts';
import { fixture } from '../io/onnx-build.ts';
import { expectClose, tolerances } from '../tolerances.ts';

interface Recorded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly name: string;
  /** An ONNX file in base64. */
  readonly model: string;
  readonly inputs: readonly Recorded[];
  readonly output: Recorded;
}

const { cases } = JSON.parse(readFileSync(fixture('onnx-operators.json'), 'utf8')) as { cases: readonly Case[] };

beforeAll(async () => {
  await init();
});

test.each(cases.map((row) => [row.name, row] as const))('%s', async (name, { model: bytes, inputs, output }) => {
  const model = (await onnx.loadModel(Uint8Array.from(Buffer.from(bytes, 'base64')))).eval();
  const x = inputs.map(({ shape, data }) => tensor(Float32Array.from(data), shape));
  const given = noGrad(() => model.forward(...x));
  const first =
    model.graph.outputs.length === 1
      ? given
      : (given as unknown as Record<string, typeof given>)[model.graph.outputs[0]!]!;
  expect(first.shape).toEqual(output.shape);
  expectClose(name, await first.data(), output.data, tolerances.composed);
});
