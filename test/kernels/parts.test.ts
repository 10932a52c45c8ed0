/** Operands in parts: the text of a kernel whose bindings are too small for them. test/graph/parts.test.ts runs them. */
import { describe, expect, test } from 'vitest';
import { input, type Operand, output, type Step } from '../../src/kernels/kernel.ts';
import { partsOf, type Sizes, withParts } from '../../src/kernels/parts.ts';

const sizes = (bytes: number, limit: number): Sizes => ({ bytesOf: () => bytes, limitOf: () => limit });

const wgsl = /* wgsl */ `
struct Params {
  first: u32,
  end: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
@group(1) @binding(0) var<storage, read> scale: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = params.first + id.x;
  y[i] = x[u32(scale[0]) + i];
}`;

const step: Step = {
  name: 'shifted',
  wgsl,
  reads: [input(0)],
  writes: [output(0)],
  params: [0, 256],
  workgroups: [256, 1, 1],
  fusion: { wgsl: '', reads: [input(1)], writes: [], params: [] },
};

const whole = (bytes: Readonly<Record<string, number>>): Sizes => ({
  bytesOf: ({ kind, index }: Operand) => bytes[`${kind} ${index}`]!,
  limitOf: () => 512,
});

describe('bindings that operands take', () => {
  test.each([
    [512, 512, 1],
    [516, 512, 2],
    [1024, 512, 2],
    [1025, 512, 3],
    // Offsets are multiples of 256 bytes: a limit of 700 holds 512.
    [1100, 700, 3],
  ])('%i bytes of at most %i: %i', (bytes, limit, parts) => {
    expect(partsOf(bytes, limit)).toBe(parts);
  });

  test('a step that fits is left alone', () => {
    expect(withParts(step, sizes(512, 512))).toEqual([step]);
  });

  test('each part is a binding; loads and stores find theirs, and the bindings after it move', () => {
    const [parted, ...others] = withParts(step, whole({ 'input 0': 1100, 'output 0': 1024, 'input 1': 4 }));
    expect(others).toEqual([]);
    expect(parted!.reads.map(({ range }) => range)).toEqual([
      { offset: 0, size: 512 },
      { offset: 512, size: 512 },
      { offset: 1024, size: 76 },
    ]);
    expect(parted!.writes).toEqual([
      { ...output(0), range: { offset: 0, size: 512 } },
      { ...output(0), range: { offset: 512, size: 512 } },
    ]);
    expect(parted!.fusion!.reads).toEqual([input(1)]);
    for (const text of [
      '@group(0) @binding(2) var<storage, read> x_2: array<f32>;',
      '@group(0) @binding(3) var<storage, read_write> y_0: array<f32>;',
      '@group(0) @binding(5) var<uniform> params: Params;',
      '@group(1) @binding(0) var<storage, read> scale: array<f32>;',
      'y_set(u32(i), x_at(u32(u32(scale[0]) + i)));',
      'case 1u: { return x_1[i - 128u]; }',
      'default: { return x_2[i - 256u]; }',
      'default: { y_1[i - 128u] = value; }',
    ])
      expect(parted!.wgsl).toContain(text);
  });

  test('a step with shares runs once for each range of what all its large operands bind', () => {
    const shares: NonNullable<Step['shares']> = {
      count: 256,
      elsewhere: [0],
      of: (first, count) => ({ params: [first, first + count], workgroups: [count, 1, 1] }),
    };
    const ranges = withParts({ ...step, shares }, whole({ 'input 0': 1024, 'output 0': 1024, 'input 1': 4 }));
    expect(ranges.map(({ params, workgroups, reads, writes }) => ({ params, workgroups, reads, writes }))).toEqual(
      [0, 128].map((first) => ({
        params: [first, first + 128],
        workgroups: [128, 1, 1],
        reads: [{ ...input(0), range: { offset: 4 * first, size: 512 } }],
        writes: [{ ...output(0), range: { offset: 4 * first, size: 512 } }],
      })),
    );
    // One text for all of them.
    expect(new Set(ranges.map((one) => one.wgsl)).size).toBe(1);
    expect(ranges[0]!.wgsl).toContain('y[(i) - params.first] = x[(u32(scale[0]) + i) - params.first];');
  });

  test('with shares, a large operand that is read elsewhere is bound in parts by each range', () => {
    const shares: NonNullable<Step['shares']> = {
      count: 256,
      elsewhere: [0],
      of: (first, count) => ({ params: [first, first + count], workgroups: [count, 1, 1] }),
    };
    const ranges = withParts({ ...step, shares }, whole({ 'input 0': 1024, 'output 0': 1024, 'input 1': 1024 }));
    expect(ranges).toHaveLength(2);
    for (const { fusion, wgsl: text } of ranges) {
      expect(fusion!.reads).toHaveLength(2);
      expect(text).toContain('x[(u32(scale_at(u32(0))) + i) - params.first]');
    }
  });
});
