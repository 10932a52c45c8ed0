/**
 * Subgroup matrices in plain WGSL, for adapters without: the types of gemm-matrix.ts become arrays, its builtins functions. Every lane holds
 * whole fragments, so all of a subgroup compute, and store, the same.
 */
import { vi } from 'vitest';

const EXTENSION = 'enable chromium_experimental_subgroup_matrix;\n';
const TYPE = /alias (\w+) = subgroup_matrix_(left|right|result)<(f16|f32), (\d+), (\d+)>;/g;
const LOAD = /subgroupMatrixLoad<(\w+), (row|col)_major>\(&(\w+), /g;
const STORE = /subgroupMatrixStore<(row|col)_major>\(&(\w+), /g;

interface Fragment {
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
}

/** The module without the extension; others as they are. */
export function emulated(wgsl: string): string {
  if (!wgsl.includes(EXTENSION)) return wgsl;
  const fragments = new Map<string, Fragment>();
  const helpers = new Map<string, string>();
  const loop = ({ rows, columns }: Fragment, major: string, body: (inFragment: string, inArray: string) => string) => `
  for (var r = 0u; r < ${rows}u; r++) {
    for (var c = 0u; c < ${columns}u; c++) {
      ${body(`r * ${columns}u + c`, `offset + ${major === 'row' ? 'r * stride + c' : 'c * stride + r'}`)}
    }
  }`;
  const text = wgsl
    .replace(EXTENSION, '')
    .replace(TYPE, (_, name: string, kind: string, component: string, columns: string, rows: string) => {
      fragments.set(kind, { name, columns: Number(columns), rows: Number(rows) });
      return `struct ${name} { values: array<${component}, ${Number(columns) * Number(rows)}> }`;
    })
    .replace(LOAD, (_, type: string, major: string, array: string) => {
      const fragment = [...fragments.values()].find(({ name }) => name === type)!;
      const call = `load${type}_${major}_${array}`;
      const copy = loop(fragment, major, (to, from) => `m.values[${to}] = ${array}[${from}];`);
      helpers.set(call, `fn ${call}(offset: u32, stride: u32) -> ${type} {\n  var m: ${type};${copy}\n  return m;\n}`);
      return `${call}(`;
    })
    .replace(STORE, (_, major: string, array: string) => {
      const result = fragments.get('result')!;
      const call = `store_${major}_${array}`;
      const copy = loop(result, major, (from, to) => `${array}[${to}] = m.values[${from}];`);
      helpers.set(call, `fn ${call}(offset: u32, value: ${result.name}, stride: u32) {\n  var m = value;${copy}\n}`);
      return `${call}(`;
    });
  const [left, right, result] = ['left', 'right', 'result'].map((kind) => fragments.get(kind)!);
  const { columns: K } = left!;
  if (right!.rows !== K || result!.rows !== left!.rows || result!.columns !== right!.columns)
    throw new Error('subgroup matrices: the fragments of a product do not fit each other.');
  return `${text}
${[...helpers.values()].join('\n')}
fn subgroupMatrixMultiplyAccumulate(left: ${left!.name}, right: ${right!.name}, sum: ${result!.name}) -> ${result!.name} {
  var a = left.values;
  var b = right.values;
  var m = sum;${loop(
    result!,
    'row',
    (at) => `for (var k = 0u; k < ${K}u; k++) {
        m.values[${at}] += f32(a[r * ${K}u + k]) * f32(b[k * ${right!.columns}u + c]);
      }`,
  )}
  return m;
}`;
}

/** Has every module that the device compiles {@link emulated}, until mocks are restored. */
export function emulateMatrices(device: GPUDevice): void {
  const create = device.createShaderModule.bind(device);
  vi.spyOn(device, 'createShaderModule').mockImplementation((descriptor) =>
    create({ ...descriptor, code: emulated(descriptor.code) }),
  );
}
