/** Dropout has no reference values: its mask is checked by statistics, by its seed and against its own gradient. */
import { manualSeed, ones, type Tensor, tensor } from '../../src/index.ts';
import { bounded, type Check, type Measurement, same } from '../measurement.ts';

const SIZE = 10_000;
const ones1d = (): Tensor => ones([SIZE]);

const dropout = (name: string, measure: () => Promise<Measurement[]>): Check => ({ subject: 'dropout', name, measure });

const isKept = (v: number): boolean => v !== 0;
const largest = (errors: Iterable<number>): number => Math.max(0, ...errors);
const equal = (a: Float32Array, b: Float32Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

export const dropoutChecks: readonly Check[] = [
  ...[0.1, 0.5, 0.9].map((p) =>
    dropout(`p = ${p} drops that fraction and scales the rest`, async () => {
      const kept = (await ones1d().dropout(p, { seed: 1 }).data()).filter(isKept);
      // Five standard deviations of a binomial count.
      const bound = 5 * Math.sqrt((p * (1 - p)) / SIZE);
      return [
        bounded('forward', 'fraction kept', Math.abs(kept.length / SIZE - (1 - p)), bound),
        bounded('forward', 'scale', largest(kept.map((v) => Math.abs(v - 1 / (1 - p)))), 5e-5),
      ];
    }),
  ),

  dropout('neighbours are dropped independently', async () => {
    const y = await ones1d().dropout(0.5, { seed: 3 }).data();
    return [1, 2, 4, 64, 100].map((distance) => {
      let both = 0;
      for (let i = 0; i + distance < SIZE; i++) if (isKept(y[i]!) && isKept(y[i + distance]!)) both++;
      return bounded('forward', `pairs kept at distance ${distance}`, Math.abs(both / (SIZE - distance) - 0.25), 0.025);
    });
  }),

  dropout('p = 0 changes nothing', async () => {
    const y = await ones1d().dropout(0, { seed: 1 }).data();
    return [same('every element is 1', y.length === SIZE && y.every((v) => v === 1), true)];
  }),

  dropout('p = 1 drops everything, without NaN', async () => {
    const y = await ones1d().dropout(1, { seed: 1 }).data();
    return [same('every element is 0', y.length === SIZE && y.every((v) => v === 0), true)];
  }),

  dropout('one seed, one mask; another seed, another mask', async () => {
    const [a, b, c] = await Promise.all([7, 7, 8].map((seed) => ones1d().dropout(0.5, { seed }).data()));
    return [same('same seed, same mask', equal(a!, b!), true), same('other seed, same mask', equal(a!, c!), false)];
  }),

  dropout('without a seed each call has its own mask, and manualSeed repeats them', async () => {
    const twice = async () => {
      manualSeed(5);
      const x = ones1d();
      const [a, b] = [x.dropout(0.5), x.dropout(0.5)];
      return [await a.data(), await b.data()] as const;
    };
    const [[a, b], [c, d]] = [await twice(), await twice()];
    return [
      same('two calls, one mask', equal(a, b), false),
      same('first mask repeated', equal(a, c), true),
      same('second mask repeated', equal(b, d), true),
    ];
  }),

  dropout('the gradient passes where the value passed', async () => {
    const x = tensor(new Float32Array(257).fill(3), [257], { requires_grad: true });
    const y = x.dropout(0.25, { seed: 2 });
    y.backward(ones([257]));
    const [value, gradient] = [await y.data(), await x.grad!.data()];
    return [
      same(
        'some of the gradient is dropped',
        gradient.some((v) => v === 0),
        true,
      ),
      bounded('gradient', 'gradient times 3', largest(gradient.map((g, i) => Math.abs(g * 3 - value[i]!))), 5e-5),
    ];
  }),
];
