/**
 * Subgroup matrices in plain WGSL, for adapters without: the builtins of gemm-matrix.ts become functions. An operand's fragment is where it
 * was loaded from, where nothing is written before it was used; a result lies in workgroup memory, each element of it with one lane.
 */
import { vi } from 'vitest';

const EXTENSION = 'enable chromium_experimental_subgroup_matrix;\n';
const SUBGROUP = '@builtin(subgroup_id) subgroup: u32,';
const TYPE = /alias (\w+) = subgroup_matrix_(?:left|right|result)<(?:f16|f32), (\d+), (\d+)>;/g;
const RESULT = /var (\w+): Result;/g;
const LOAD = /subgroupMatrixLoad<(\w+), (row|col)_major>\(&(\w+), /g;
const STORE = /subgroupMatrixStore<row_major>\(&results, /g;
const MULTIPLY = /(\w+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), \1\)/g;

interface Fragment {
  readonly columns: number;
  readonly rows: number;
  /** The array that it is loaded from. */
  readonly array?: string;
}

/** The module without the extension; others as they are. */
export function emulated(wgsl: string): string {
  if (!wgsl.includes(EXTENSION)) return wgsl;
  const fragments: Record<string, Fragment> = {};
  let results = 0;
  const text = wgsl
    .replace(EXTENSION, '')
    .replace(SUBGROUP, `${SUBGROUP} @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32,`)
    .replace(TYPE, (_, name: string, columns: string, rows: string) => {
      fragments[name] = { columns: Number(columns), rows: Number(rows) };
      return name === 'Result' ? '' : `struct ${name} { first: u32, perRow: u32, perColumn: u32 }`;
    })
    .replace(RESULT, (_, name: string) => `let ${name} = Result(subgroup * RESULTS + ${results++}u, lane, lanes);`)
    .replace(LOAD, (_, type: string, major: string, array: string) => {
      fragments[type] = { ...fragments[type]!, array };
      return `load${type}${major === 'row' ? 'Rows' : 'Columns'}(`;
    })
    .replace(STORE, 'storeRows(')
    .replace(MULTIPLY, 'multiplyAccumulate($2, $3, $1)');
  const { Left: left, Right: right, Result: result } = fragments as Record<'Left' | 'Right' | 'Result', Fragment>;
  if (left.columns !== right.rows || result.rows !== left.rows || result.columns !== right.columns)
    throw new Error('subgroup matrices: the fragments of a product do not fit each other.');
  const elements = result.rows * result.columns;
  const subgroups = Number(/var<workgroup> results: array<f32, (\d+)>/.exec(wgsl)![1]) / elements;
  const loads = ['Left', 'Right'].map(
    (type) => `
fn load${type}Rows(offset: u32, stride: u32) -> ${type} {
  return ${type}(offset, stride, 1u);
}

fn load${type}Columns(offset: u32, stride: u32) -> ${type} {
  return ${type}(offset, 1u, stride);
}
`,
  );
  return `${text}

const RESULTS = ${results}u;
var<workgroup> sums: array<f32, ${subgroups * results * elements}>;

struct Result {
  index: u32,
  lane: u32,
  lanes: u32,
}
${loads.join('')}
fn multiplyAccumulate(left: Left, right: Right, m: Result) {
  for (var e = m.lane; e < ${elements}u; e += m.lanes) {
    let a = left.first + e / ${result.columns}u * left.perRow;
    let b = right.first + e % ${result.columns}u * right.perColumn;
    var sum = sums[m.index * ${elements}u + e];
    // A compiler that knew the bound would unroll.
    for (var k = 0u; k < min(${left.columns}u, 32u * gemm.tileM); k++) {
      sum += f32(${left.array}[a + k * left.perColumn]) * f32(${right.array}[b + k * right.perRow]);
    }
    sums[m.index * ${elements}u + e] = sum;
  }
}

fn storeRows(offset: u32, m: Result, stride: u32) {
  for (var e = m.lane; e < ${elements}u; e += m.lanes) {
    results[offset + e / ${result.columns}u * stride + e % ${result.columns}u] = sums[m.index * ${elements}u + e];
  }
}`;
}

/** Has every module that the device compiles {@link emulated}, until mocks are restored. */
export function emulateMatrices(device: GPUDevice): void {
  if (vi.isMockFunction(device.createShaderModule)) return;
  const create = device.createShaderModule.bind(device);
  vi.spyOn(device, 'createShaderModule').mockImplementation((descriptor) =>
    create({ ...descriptor, code: emulated(descriptor.code) }),
  );
}
