/**
 * Elementwise expressions: y[i] = f(a[i], b[i], …) with broadcasting, for any expression tree the planner has fused.
 * The same tree compiles to a kernel of its own (four elements an invocation where sizes allow), to the epilogue of
 * another kernel, or to the input of a reduction.
 */
import type { DType } from '../core/dtype.ts';
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { termsOf } from './epilogue.ts';
import { type Access, type EpilogueAxes, type Expression, isRandom } from './expressions.ts';
import {
  ceilDiv,
  type Fusion,
  flatGrid,
  flatWorkgroup,
  float,
  type KernelTarget,
  type Operand,
  type Shares,
  type Step,
} from './kernel.ts';
import { elementsPerThread, workgroupThreads } from './workgroup.ts';

/** WGSL's name for one element, and for four. */
const ELEMENT_TYPES = {
  float32: { 1: 'f32', 4: 'vec4f' },
  float16: { 1: 'f16', 4: 'vec4h' },
  int32: { 1: 'i32', 4: 'vec4i' },
} as const satisfies Record<DType, unknown>;

/** The access to an input of shape `from` that broadcasts to `to` (shapes already compatible). */
export function accessOf(from: Shape, to: Shape): Access {
  const count = sizeOf(from);
  if (count === sizeOf(to)) return { kind: 'same' };
  if (count === 1) return { kind: 'scalar' };
  // Coalesce neighbouring axes that are both kept or both repeated.
  const strides = stridesOf(from);
  const axes: { size: number; stride: number }[] = [];
  for (let d = 0; d < to.length; d++) {
    const size = to[d]!;
    if (size === 1) continue;
    const source = d - (to.length - from.length);
    const stride = source < 0 || from[source] === 1 ? 0 : strides[source]!;
    const last = axes.at(-1);
    if (last && last.stride === stride * size) axes[axes.length - 1] = { size: last.size * size, stride };
    else axes.push({ size, stride });
  }
  const kept = axes.filter((a) => a.stride > 0);
  if (kept.length === 1) {
    const at = axes.indexOf(kept[0]!);
    const inner = axes.slice(at + 1).reduce((n, a) => n * a.size, 1);
    return { kind: 'period', inner, size: kept[0]!.size };
  }
  return { kind: 'strided', sizes: axes.map((a) => a.size), strides: axes.map((a) => a.stride) };
}

const randomWgsl = /* wgsl */ `
// PCG hash of the element and the seed, as a float in [0, 1).
fn uniformAt(i: u32, seed: f32) -> f32 {
  var h = (i ^ (u32(seed) * 0x9e3779b9u)) * 747796405u + 2891336453u;
  h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
  h = (h >> 22u) ^ h;
  h = (h ^ u32(seed)) * 747796405u + 2891336453u;
  h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
  return f32(((h >> 22u) ^ h) >> 8u) / 16777216.0;
}`;

// Abramowitz and Stegun 7.1.26 is too coarse for parity; this is the rational of W. J. Cody's kind used by
// Numerical Recipes (erfc by Chebyshev fitting, fractional error below 1.2e-7).
const erfWgsl = /* wgsl */ `
fn erf(x: T) -> T {
  let z = abs(x);
  let t = T(1) / (T(1) + T(0.5) * z);
  let r = t * exp(-z * z - T(1.26551223) + t * (T(1.00002368) + t * (T(0.37409196) + t * (T(0.09678418) +
    t * (T(-0.18628806) + t * (T(0.27886807) + t * (T(-1.13520398) + t * (T(1.48851587) +
    t * (T(-0.82215223) + t * T(0.17087277))))))))));
  return select(r - T(1), T(1) - r, x >= T(0));
}`;

// pow() of a negative base is undefined in WGSL; integer exponents have a value.
const powerWgsl = /* wgsl */ `
fn power(x: T, p: T) -> T {
  let magnitude = pow(abs(x), p);
  let odd = abs(p % T(2)) == T(1);
  let negative = select(pow(x, p), select(magnitude, -magnitude, odd), p == floor(p));
  return select(select(magnitude, negative, x < T(0)), T(1), p == T(0));
}`;

interface Compiled {
  /** Bindings, uniform struct and helper functions. */
  readonly declarations: string;
  /** `let v0 = …;` lines. */
  readonly body: string;
  /** The variable that holds the result. */
  readonly result: string;
  readonly params: number[];
  readonly scalars: { scalar: number; word: number }[];
  /** The periods that the body reads as `at0`, `at1`, …. */
  readonly periods: readonly Period[];
}

/** `(i / inner) % size`, in units of `i`. Accesses that agree in it share it. */
interface Period {
  readonly inner: number;
  readonly size: number;
}

/**
 * The period of an access in units of `width` elements: either all of a unit reads one element, or a unit reads `width`
 * neighbours. Null where neither is so.
 */
function periodOf({ inner, size }: Period, width: 1 | 4): Period | null {
  if (inner % width === 0) return { inner: inner / width, size };
  return inner === 1 && size % width === 0 ? { inner: 1, size: size / width } : null;
}

/**
 * Turns a tree into WGSL statements. `width` is the number of elements that one `i` stands for. With `walked`, the body
 * finds `at0`, `at1`, … ready (a loop steps them), else it divides for them.
 */
function compile(root: Expression, reads: number, width: 1 | 4, axes: EpilogueAxes, walked = false): Compiled {
  const lines: string[] = [];
  const params: number[] = [];
  const fields: string[] = [];
  const scalars: { scalar: number; word: number }[] = [];
  const types = new Array<string>(reads).fill('f32');
  const names = new Map<Expression, string>();
  const helpers = new Set<string>();
  const periods: Period[] = [];

  const word = (value: number, type: 'u32' | 'f32'): string => {
    const field = `w${params.length}`;
    params.push(type === 'f32' ? float(value) : value);
    fields.push(`${field}: ${type}`);
    return `fusion.${field}`;
  };
  const strided = (sizes: readonly number[], strides: readonly number[]): ((i: string) => string) => {
    const words = sizes.map((size, d) => ({ size: word(size, 'u32'), stride: word(strides[d]!, 'u32') }));
    const fn = `offset${helpers.size}`;
    const steps = words
      .map(({ size, stride }, d) =>
        d === 0 ? `offset += rest * ${stride};` : `offset += (rest % ${size}) * ${stride}; rest /= ${size};`,
      )
      .reverse();
    helpers.add(
      `fn ${fn}(i: u32) -> u32 {\n  var rest = i;\n  var offset = 0u;\n  ${steps.join('\n  ')}\n  return offset;\n}`,
    );
    return (i) => `${fn}(${i})`;
  };
  const load = (e: Extract<Expression, { kind: 'load' }>): string => {
    const x = `x${e.read}`;
    const { 1: scalarType, 4: vectorType } = ELEMENT_TYPES[e.dtype];
    types[e.read] = scalarType;
    if (e.access.kind === 'scalar') return `T(f32(${x}[0]))`;
    if (e.access.kind === 'same') {
      if (width === 4) types[e.read] = vectorType;
      return `T(${x}[i])`;
    }
    const gather = (at: (i: string) => string): string =>
      width === 1
        ? `f32(${x}[${at('i')}])`
        : `T(${[0, 1, 2, 3].map((k) => `f32(${x}[${at(`i * 4 + ${k}`)}])`).join(', ')})`;
    if (e.access.kind === 'strided') return gather(strided(e.access.sizes, e.access.strides));
    const { inner, size } = e.access;
    for (const axis of ['row', 'column'] as const)
      if (axes[axis]?.inner === inner && axes[axis]?.size === size) return `f32(${x}[${axis}])`;
    const period = periodOf(e.access, width);
    if (!period) {
      const [innerWord, sizeWord] = [word(inner, 'u32'), word(size, 'u32')];
      return gather((i) => `((${i}) / ${innerWord}) % ${sizeWord}`);
    }
    let at = periods.findIndex((p) => p.inner === period.inner && p.size === period.size);
    if (at < 0) {
      at = periods.push(period) - 1;
      if (!walked) {
        const quotient = period.inner === 1 ? 'i' : `(i / ${word(period.inner, 'u32')})`;
        lines.push(`  let at${at} = ${quotient} % ${word(period.size, 'u32')};`);
      }
    }
    if (width === 1 || inner % 4 === 0) return `T(f32(${x}[at${at}]))`;
    types[e.read] = vectorType;
    return `T(${x}[at${at}])`;
  };
  const emit = (e: Expression): string => {
    const known = names.get(e);
    if (known) return known;
    let text: string;
    if (e.kind === 'value') text = 'value';
    else if (e.kind === 'self') text = 'T(y[i])';
    else if (e.kind === 'load') text = load(e);
    else {
      const args = e.args.map(emit);
      const numbers = e.scalars.map(({ id, value }) => {
        scalars.push({ scalar: id, word: params.length });
        return word(value, 'f32');
      });
      const meaning: Record<string, string | undefined> = {
        a: args[0],
        b: args[1],
        c: args[2],
        d: args[3],
        e: args[4],
        f: args[5],
        s: numbers[0] && `T(${numbers[0]})`,
        t: numbers[1] && `T(${numbers[1]})`,
        seed: numbers.at(-1),
      };
      text = e.wgsl.replace(/\b(?:[a-fst]|seed)\b/g, (name) => meaning[name] ?? name);
      if (text.includes('erf(')) helpers.add(erfWgsl);
      if (text.includes('power(')) helpers.add(powerWgsl);
      if (isRandom(e.wgsl)) {
        helpers.add(randomWgsl);
        const lanes =
          width === 1 ? 'uniformAt(i, seed)' : [0, 1, 2, 3].map((k) => `uniformAt(i * 4 + ${k}, seed)`).join(', ');
        helpers.add(`fn uniform01(i: u32, seed: f32) -> T { return T(${lanes}); }`);
      }
    }
    const name = `v${names.size}`;
    names.set(e, name);
    lines.push(`  let ${name} = ${text};`);
    return name;
  };
  const result = emit(root);
  const bindings = types.map((type, k) => `@group(1) @binding(${k}) var<storage, read> x${k}: array<${type}>;`);
  const uniform = fields.length
    ? [
        `struct FusionParams {\n${fields.map((f) => `  ${f},`).join('\n')}\n}`,
        `@group(1) @binding(${reads}) var<uniform> fusion: FusionParams;`,
      ]
    : [];
  const declarations = [`alias T = ${width === 4 ? 'vec4f' : 'f32'};`, ...uniform, ...bindings, ...helpers].join('\n');
  return { declarations, body: lines.join('\n'), result, params, scalars, periods };
}

/** The expression as `fn element(i: u32) -> T`: how another kernel, or a kernel of its own, reads its input. */
export function elementFusion(expression: Expression, reads: readonly Operand[], width: 1 | 4 = 1): Fusion {
  const c = compile(expression, reads.length, width, {});
  const wgsl = `${c.declarations}\nfn element(i: u32) -> T {\n${c.body}\n  return ${c.result};\n}`;
  return { wgsl, reads, writes: [], params: c.params, scalars: c.scalars };
}

/** The expression as `fn epilogue(value, i, row, column) -> f32`, which another kernel applies to each result. */
export function epilogueFusion(expression: Expression, reads: readonly Operand[], axes: EpilogueAxes = {}): Fusion {
  const c = compile(expression, reads.length, 1, axes);
  const wgsl = `${c.declarations}\nfn epilogue(value: f32, i: u32, row: u32, column: u32) -> f32 {\n${c.body}\n  return ${c.result};\n}`;
  const terms = termsOf(expression, reads, axes);
  return { wgsl, reads, writes: [], params: c.params, scalars: c.scalars, ...(terms && { terms }) };
}

/** Steps the indices of {@link Period}s through a loop that moves `i` by THREADS: one division before it, none inside. */
function walkPeriods(periods: readonly Period[]) {
  const each = (lines: (k: number) => string[]) =>
    periods
      .flatMap((_, k) => lines(k))
      .map((line) => `\n    ${line}`)
      .join('');
  return {
    fields: periods
      .map((_, k) => `\n  inner${k}: u32,\n  size${k}: u32,\n  stepRest${k}: u32,\n  step${k}: u32,`)
      .join(''),
    words: (threads: number) =>
      periods.flatMap(({ inner, size }) => [inner, size, threads % inner, Math.floor(threads / inner) % size]),
    start: each((k) => [`var rest${k} = i % p.inner${k};`, `var at${k} = (i / p.inner${k}) % p.size${k};`]),
    advance: each((k) => [
      `  rest${k} += p.stepRest${k};`,
      `  let carry${k} = rest${k} >= p.inner${k};`,
      `  rest${k} -= select(0u, p.inner${k}, carry${k});`,
      `  at${k} += p.step${k} + select(0u, 1u, carry${k});`,
      `  at${k} -= select(0u, p.size${k}, at${k} >= p.size${k});`,
    ]),
    parameters: periods.map((_, k) => `, at${k}: u32`).join(''),
    args: periods.map((_, k) => `, at${k}`).join(''),
  };
}

/** A software adapter compiles four loads and stores for each vec4: below so many elements, that takes longer than they gain. */
const SHORT = 8192;

/**
 * A kernel of its own for an expression: a vec4 at a time where count and periods divide, several a workgroup's width apart
 * for each invocation.
 */
export function elementwise(
  target: KernelTarget,
  options: {
    name: string;
    expression: Expression;
    count: number;
    reads: readonly Operand[];
    write: Operand;
    dtype: DType;
  },
): Step {
  const { name, expression, reads, dtype } = options;
  const isLong = options.count >= SHORT || !target.software;
  const width = isLong && options.count % 4 === 0 && periodsFit(expression, 4) ? 4 : 1;
  const c = compile(expression, reads.length, width, {}, true);
  const out = ELEMENT_TYPES[dtype][width];
  const count = options.count / width;
  const threads = workgroupThreads(target);
  const perThread = Math.max(1, elementsPerThread(target) / width);
  const walk = walkPeriods(c.periods);
  const element = /* wgsl */ `
${c.declarations}

fn element(i: u32${walk.parameters}) -> T {
${c.body}
  return ${c.result};
}`;
  const wgsl = /* wgsl */ `
const THREADS = ${threads}u;
const PER_THREAD = ${perThread}u;
struct Params {
  first: u32,
  end: u32,${walk.fields}
}
@group(0) @binding(0) var<storage, read_write> y: array<${out}>;
@group(0) @binding(1) var<uniform> params: Params;
${element}
${flatWorkgroup}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let start = p.first + flatWorkgroup(workgroup, workgroups) * THREADS * PER_THREAD;
  let end = min(start + THREADS * PER_THREAD, p.end);
  var i = start + lane;${walk.start}
  while (i < end) {
    y[i] = ${out}(element(i${walk.args}));
    i += THREADS;${walk.advance}
  }
}`;
  const shares: Shares = {
    count,
    elsewhere: readElsewhere(expression),
    of: (first, some) => ({
      params: [first, first + some, ...walk.words(threads)],
      workgroups: flatGrid(ceilDiv(some, threads * perThread), target.maxWorkgroupsPerDimension),
    }),
  };
  return {
    name,
    wgsl,
    reads: [],
    writes: [options.write],
    ...shares.of(0, count),
    fusion: { wgsl: element, reads, writes: [], params: c.params, scalars: c.scalars },
    shares,
  };
}

/** The numbers of the reads that the expression broadcasts. */
function readElsewhere(root: Expression): number[] {
  const seen = new Set<Expression>();
  const reads = new Set<number>();
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === 'apply') e.args.forEach(visit);
    else if (e.kind === 'load' && e.access.kind !== 'same') reads.add(e.read);
  };
  visit(root);
  return [...reads];
}

/** True if every vector that the expression reads along an axis can be read in units of `width`. */
function periodsFit(root: Expression, width: 1 | 4): boolean {
  const seen = new Set<Expression>();
  const fits = (e: Expression): boolean => {
    if (seen.has(e)) return true;
    seen.add(e);
    if (e.kind === 'apply') return e.args.every(fits);
    return e.kind !== 'load' || e.access.kind !== 'period' || periodOf(e.access, width) !== null;
  };
  return fits(root);
}
