/** What a run was begun with beside what is there now: the sentence that a resumed run ends with. */
import { expect, test } from 'vitest';
import { differences, parseInputs, type RunInputs } from '../../src/runs/inputs.ts';

const then: RunInputs = {
  weights: 'aaaaaaaaaaaaaaaaaaaaaaaa',
  settings: [
    ['imageSize', 224],
    ['clipGradNorm', null],
  ],
  train: ['a/1.jpg', 'a/2.jpg', 'b/1.jpg', 'b/2.jpg'].map((path) => [path, path[0] === 'a' ? 0 : 1, 'x'] as const),
  validation: [['a/3.jpg', 0, 'x']],
};

const told = (now: Partial<RunInputs>) => differences(then, { ...then, ...now }).replaceAll('\u00a0', ' ');

test.each<[string, Partial<RunInputs>, string]>([
  ['nothing', {}, ''],
  ['one added', { train: [...then.train, ['b/3.jpg', 1, 'x']] }, '1 photo was added (b/3.jpg)'],
  [
    'many added, of whichever part',
    {
      train: [...then.train, ...[3, 4, 5].map((i) => [`b/${i}.jpg`, 1, 'x'] as const)],
      validation: [...then.validation, ['a/4.jpg', 0, 'x']],
    },
    '4 photos were added (b/3.jpg, b/4.jpg, b/5.jpg, …)',
  ],
  [
    'gone',
    { validation: [], train: then.train.slice(1) },
    '2 photos are gone or can no longer be read (a/1.jpg, a/3.jpg)',
  ],
  ['other bytes', { validation: [['a/3.jpg', 0, 'y']] }, '1 photo has other content (a/3.jpg)'],
  [
    'another part',
    { train: [...then.train, ...then.validation], validation: [] },
    'photos went to another class or part',
  ],
  [
    'other weights',
    { weights: 'b'.repeat(24) },
    'the weights are a file with sha256 bbbbbbbbbbbbbbbb…, not a file with sha256 aaaaaaaaaaaaaaaa…',
  ],
  ['no weights', { weights: null }, 'the weights are random, not a file with sha256 aaaaaaaaaaaaaaaa…'],
  [
    'settings',
    {
      settings: [
        ['imageSize', 64],
        ['clipGradNorm', 1],
      ],
    },
    'imageSize is 64, not 224; clipGradNorm is 1, not none',
  ],
  [
    'several things',
    { weights: null, validation: [] },
    '1 photo is gone or can no longer be read (a/3.jpg); the weights are random, not a file with sha256 aaaaaaaaaaaaaaaa…',
  ],
])('%s', (_, now, text) => {
  expect(told(now)).toBe(text);
});

test('a list that was edited tells nothing, and harms nothing', () => {
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  expect(parseInputs(bytes(then))).toEqual(then);
  for (const value of [
    null,
    1,
    {},
    { ...then, train: [[1, 2, 3]] },
    { ...then, settings: [null] },
    { ...then, weights: 5 },
  ])
    expect(parseInputs(bytes(value))).toBe(null);
  expect(parseInputs(undefined)).toBe(null);
  expect(parseInputs(new Uint8Array([255]))).toBe(null);
});
