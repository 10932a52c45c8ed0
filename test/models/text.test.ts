/** Networks of texts against Hugging Face's transformers: names, outputs, losses, gradients, ten steps of AdamW; padding against none. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { init, noGrad, type Tensor, tensor } from '../../src/index.ts';
import { architectureOf } from '../../src/models/text/architectures.ts';
import type { Config } from '../../src/models/text/config.ts';
import type { AnyPretrainedModel } from '../../src/models/text/pretrained-model.ts';
import { relativePositionBucket } from '../../src/models/text/relative-position.ts';
import { crossEntropy, mseLoss } from '../../src/nn/index.ts';
import { AdamW } from '../../src/optim/index.ts';
import { hashUnits, hashValues, unpacked } from './hash-weights.ts';

interface Case {
  readonly architecture: string;
  readonly config: Config;
  readonly keys: readonly (readonly [string, readonly number[]])[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, string>>;
  readonly losses: readonly number[];
}

const {
  cases,
  buckets,
}: { readonly cases: Readonly<Record<string, Case>>; readonly buckets: readonly [number, number][][] } = JSON.parse(
  readFileSync(new URL('../fixtures/models/text.json', import.meta.url), 'utf8'),
);

const [BATCH, TIME, WORDS] = [3, 7, 37];
const LENGTHS = [7, 4, 1];

type Inputs = Record<string, Tensor>;
type Outputs = Record<string, Tensor>;

/** The texts of the fixture, or one of them without its padding. */
function inputsOf({ config }: Case, row?: number): Inputs {
  const units = hashUnits(100_000, BATCH * TIME, (u) => u);
  const rows = row === undefined ? [0, 1, 2] : [row];
  const time = row === undefined ? TIME : LENGTHS[row]!;
  const of = (value: (row: number, t: number) => number) =>
    tensor(Int32Array.from(rows.flatMap((r) => Array.from({ length: time }, (_, t) => value(r, t)))), [
      rows.length,
      time,
    ]);
  const isText = (r: number, t: number) => t < LENGTHS[r]!;
  const pad = Number(config.pad_token_id);
  return {
    input_ids: of((r, t) => (isText(r, t) ? 3 + Math.floor(units[r * TIME + t]! * (WORDS - 3)) : pad)),
    ...(row === undefined && { attention_mask: of((r, t) => Number(isText(r, t))) }),
    ...(config.model_type === 't5' && {
      decoder_input_ids: of((r, t) => (t > 0 && isText(r, t - 1) ? (5 * (r * TIME + t - 1) + 2) % WORDS : 0)),
    }),
    ...(config.model_type === 'bert' && { token_type_ids: of((r, t) => Number(t >= 3 && isText(r, t))) }),
  };
}

/** The network with the fixture's weights; where two names are of one tensor, the first one's. */
function build({ config, keys }: Case): AnyPretrainedModel {
  const model = architectureOf('config.json', config).build();
  const parameters = new Map(model.namedParameters());
  keys.forEach(([name, shape], i) => {
    parameters.get(name)?.set(hashValues(i, name, shape));
  });
  return model;
}

function lossOf({ architecture: name, config }: Case, outputs: Outputs, mask: Tensor): Tensor {
  const { logits } = outputs;
  const int = (values: number[], shape: number[] = [values.length]) => tensor(Int32Array.from(values), shape);
  if (name.endsWith('ForSequenceClassification')) {
    if (config.problem_type === 'regression') return mseLoss(logits!.reshape([BATCH]), tensor([0, 0.5, 1]));
    const classes = logits!.shape[1]!;
    return crossEntropy(logits!, int([0, 1, 2].map((row) => (7 * row + 3) % classes)));
  }
  if (name.endsWith('ForQuestionAnswering')) {
    const end = crossEntropy(outputs.end_logits!, int(LENGTHS.map((length) => length - 1)));
    return crossEntropy(outputs.start_logits!, int([0, 0, 0]))
      .add(end)
      .mul(0.5);
  }
  if (logits) {
    const classes = logits.shape[2]!;
    const wanted = Array.from({ length: BATCH * TIME }, (_, i) =>
      i % TIME < LENGTHS[Math.floor(i / TIME)]! ? (5 * i + 2) % classes : -100,
    );
    return crossEntropy(logits.reshape([BATCH * TIME, classes]), int(wanted));
  }
  const { last_hidden_state: hidden, pooler_output: pooled } = outputs;
  const loss = hidden!
    .mul(mask.to('float32').reshape([BATCH, TIME, 1]))
    .square()
    .mean();
  return pooled ? loss.add(pooled.square().mean()) : loss;
}

/** The largest difference of values that belong to texts, not to padding, over the largest value. */
function difference(got: Float32Array, want: Float32Array, isCounted: (i: number) => boolean = () => true): number {
  expect(got.length).toBe(want.length);
  const largest = want.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  return got.reduce((most, v, i) => (isCounted(i) ? Math.max(most, Math.abs(v - want[i]!) / largest) : most), 0);
}

const timed = (shape: readonly number[]) => {
  const inner = shape.slice(2).reduce((a, b) => a * b, 1);
  return shape[1] === TIME
    ? (i: number) => Math.floor(i / inner) % TIME < LENGTHS[Math.floor(i / inner / TIME)]!
    : undefined;
};

beforeAll(async () => {
  await init();
});

test.each([true, false])('T5 tells distances apart as transformers does, both ways: %s', (bidirectional) => {
  const numbers = Array.from({ length: 4001 }, (_, i) =>
    relativePositionBucket(i - 2000, { count: 32, maxDistance: 128, bidirectional }),
  );
  const begins = numbers.flatMap((n, i) => (i === 0 || numbers[i - 1] !== n ? [[i - 2000, n]] : []));
  expect(begins).toEqual(buckets[bidirectional ? 0 : 1]);
});

describe.each(Object.entries(cases))('%s', (_, one) => {
  test('has the names and shapes', async () => {
    const state = await build(one).stateDict();
    const names = [...state].map(([name, { shape }]) => `${name} [${shape}]`);
    // XLM-R has its head before its encoder in some versions, RoBERTa behind it.
    const wanted = one.keys.map(([name, shape]) => `${name} [${shape}]`);
    expect(one.config.model_type === 'xlm-roberta' ? names.sort() : names).toEqual(
      one.config.model_type === 'xlm-roberta' ? wanted.sort() : wanted,
    );
  });

  test('gives the outputs, the loss and every gradient', async () => {
    const model = build(one);
    const inputs = inputsOf(one);
    const outputs = model.forward(inputs) as Outputs;
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(one.outputs).sort());
    const loss = lossOf(one, outputs, inputs.attention_mask!);
    loss.backward();
    for (const [name, output] of Object.entries(outputs)) {
      const want = unpacked(one.outputs[name]!);
      expect(difference(await output.data(), want, timed(output.shape)), name).toBeLessThan(1e-4);
    }
    expect(Math.abs((await loss.item()) - one.loss)).toBeLessThan(1e-4 * Math.max(1, one.loss));
    const gradients = await Promise.all(
      model.namedParameters().map(async ([name, p]) => [name, await p.grad?.data()] as const),
    );
    const named = new Map(gradients.filter(([, gradient]) => gradient !== undefined));
    expect([...named.keys()].sort()).toEqual(Object.keys(one.gradients).sort());
    for (const [name, want] of Object.entries(one.gradients))
      expect(difference(named.get(name)!, unpacked(want)), name).toBeLessThan(1e-3);
  });

  test('takes ten steps of AdamW', async () => {
    const model = build(one);
    for (const module of model.modules()) if ('p' in module) (module as { p: number }).p = 0;
    const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
    const losses: number[] = [];
    for (const _ of one.losses) {
      const inputs = inputsOf(one);
      const loss = lossOf(one, model.forward(inputs) as Outputs, inputs.attention_mask!);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      losses.push(await loss.item());
    }
    for (const [i, want] of one.losses.entries())
      expect(Math.abs(losses[i]! - want), `step ${i}`).toBeLessThan(1e-3 * Math.max(0.1, want));
  });

  test('gives each text what it gives it without padding', async () => {
    const model = build(one).eval();
    const padded = noGrad(() => model.forward(inputsOf(one))) as Outputs;
    for (const [row, length] of LENGTHS.entries()) {
      const alone = noGrad(() => model.forward(inputsOf(one, row))) as Outputs;
      for (const [name, output] of Object.entries(padded)) {
        const mine = output.slice(0, row, row + 1);
        const cut = output.shape[1] === TIME && name !== 'pooler_output' ? mine.slice(1, 0, length) : mine;
        expect(difference(await cut.data(), await alone[name]!.data()), `${name} of text ${row}`).toBeLessThan(1e-5);
      }
    }
  });
});
