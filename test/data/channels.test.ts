/** Images whose first channel is blue. */
import { expect, test } from 'vitest';
import { Generator } from '../../src/core/random.ts';
import type { FloatImage } from '../../src/data/images/image.ts';
import { classificationTransforms, ToTensor, trainingTransforms, transformFromJSON } from '../../src/data/index.ts';

test('blue first: the planes of the first and the last channel change places, mean and deviation are in that order', () => {
  const levels = { data: Uint8Array.from({ length: 48 }, (_, i) => (i * 37) % 256), width: 4, height: 4 };
  const [mean, std] = [
    [0.1, 0.2, 0.3],
    [0.5, 0.25, 1],
  ];
  const preset = { resize: 4, crop: 4, channels: 'bgr', mean, std } as const;
  const chain = classificationTransforms(preset);
  const [red, green, blue] = [0, 1, 2].map((c) => levels.data.filter((_, i) => i % 3 === c));
  const expected = [blue!, green!, red!].flatMap((plane, c) =>
    [...plane].map((v) => Math.fround(Math.fround(Math.fround(v / 255) - Math.fround(mean[c]!)) / std[c]!)),
  );
  expect([...(chain.apply(levels) as FloatImage).data]).toEqual(expected);
  expect(new ToTensor({ channels: 'bgr' }).apply(levels).data.slice(0, 16)).toEqual(
    Float32Array.from(blue!, (v) => v / 255),
  );
  const json = chain.toJSON() as unknown as { transforms: object[] };
  expect(json.transforms[2]).toEqual({ name: 'ToTensor', channels: 'bgr' });
  expect(transformFromJSON(chain.toJSON()).apply(levels, new Generator(0))).toEqual(chain.apply(levels));
  expect(String(trainingTransforms(preset as never))).toContain('ToTensor(channels=bgr)');
  expect(() => new ToTensor({ channels: 'hsv' } as never)).toThrow(
    "ToTensor: expected channels as one of rgb, bgr, got 'hsv'.",
  );
});
