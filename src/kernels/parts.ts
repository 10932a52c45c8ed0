/**
 * Operands larger than one binding: the buffer is bound in parts, each a binding of its own, and every access finds its part. A step whose
 * elements do not depend on one another runs once for each range of them instead, with one binding at an offset.
 */
import { RegraftError } from '../core/errors.ts';
import { withAccesses } from './accesses.ts';
import { ceilDiv, type Operand, type Shares, type Step } from './kernel.ts';

/** Bytes that the offsets of bindings are multiples of, on every adapter. */
export const PART_ALIGNMENT = 256;

const ELEMENT_BYTES = new Map(
  Object.entries({ f16: 2, f32: 4, i32: 4, u32: 4, vec2f: 8, vec4h: 8, vec4f: 16, vec4i: 16, vec4u: 16 }),
);

/** Bytes of an operand, and of the largest binding that it may have. */
export interface Sizes {
  bytesOf(operand: Operand): number;
  limitOf(operand: Operand): number;
}

/** A storage binding, as a module declares it. */
interface Declared {
  readonly name: string;
  readonly type: string;
  readonly writable: boolean;
}

/** Bytes of each part but the last. */
const partBytes = (limit: number): number => Math.max(PART_ALIGNMENT, limit - (limit % PART_ALIGNMENT));

/** The number of bindings that so many bytes take. */
export const partsOf = (bytes: number, limit: number): number => (bytes > limit ? ceilDiv(bytes, partBytes(limit)) : 1);

/** The step for operands of these sizes: as it is, with bindings in parts, or one step for each range of its elements. */
export function withParts(step: Step, sizes: Sizes): Step[] {
  const isLarge = (operand: Operand): boolean => sizes.bytesOf(operand) > sizes.limitOf(operand);
  if (!groupsOf(step).flat().some(isLarge)) return [step];
  return (step.shares ? byRange(step, step.shares, sizes) : [step]).map((one) => inParts(one, sizes));
}

/** Operands by bind group, in the order of their bindings. */
const groupsOf = ({ reads, writes, fusion }: Step): Operand[][] => [
  [...reads, ...writes],
  fusion ? [...fusion.reads, ...fusion.writes] : [],
];

/** One step for each range of elements that every operand with an element for each can bind at once. */
function byRange(step: Step, shares: Shares, { bytesOf, limitOf }: Sizes): Step[] {
  const isHere = (group: number, binding: number): boolean => group === 0 || !shares.elsewhere.includes(binding);
  const large = groupsOf(step).flatMap((operands, group) =>
    operands.flatMap((operand, binding) => {
      if (!isHere(group, binding) || bytesOf(operand) <= limitOf(operand)) return [];
      const declared = declaredAt(step.wgsl, group, binding);
      return [{ operand, name: declared.name, unit: bytesOfElement(step.wgsl, declared) }];
    }),
  );
  if (large.length === 0) return [step];
  const most = Math.min(...large.map(({ operand, unit }) => Math.floor(limitOf(operand) / unit)));
  const multiple = PART_ALIGNMENT / Math.min(...large.map(({ unit }) => unit));
  const some = Math.max(multiple, most - (most % multiple));
  const wgsl = large.reduce(
    (text, { name }) =>
      withAccesses(text, name, {
        load: (i) => `${name}[(${i}) - params.first]`,
        store: (i, value) => `${name}[(${i}) - params.first] = ${value};`,
      }),
    step.wgsl,
  );
  return Array.from({ length: ceilDiv(shares.count, some) }, (_, k) => {
    const first = k * some;
    const count = Math.min(some, shares.count - first);
    const ranged = (operand: Operand): Operand => {
      const found = large.find((one) => one.operand === operand);
      if (!found) return operand;
      const offset = first * found.unit;
      return { ...operand, range: { offset, size: Math.min(some * found.unit, bytesOf(operand) - offset) } };
    };
    const { shares: _shares, ...others } = step;
    return withOperandLists({ ...others, wgsl, ...shares.of(first, count) }, (list) => list.map(ranged));
  });
}

/** The step with every operand that is still too large bound in parts. */
function inParts(step: Step, { bytesOf, limitOf }: Sizes): Step {
  const partsFor = (operand: Operand): Operand[] => {
    const [bytes, limit] = [bytesOf(operand), limitOf(operand)];
    if (operand.range || bytes <= limit) return [operand];
    const size = partBytes(limit);
    return Array.from({ length: ceilDiv(bytes, size) }, (_, k) => {
      const offset = k * size;
      return { ...operand, range: { offset, size: Math.min(size, bytes - offset) } };
    });
  };
  const parts = groupsOf(step).map((operands) => operands.map(partsFor));
  const numbers = parts.map((operands) => {
    const first = [0];
    for (const { length } of operands) first.push(first.at(-1)! + length);
    return first;
  });
  const split = parts.flatMap((operands, group) =>
    operands.flatMap(({ length }, binding) => (length > 1 ? [{ group, binding, length }] : [])),
  );
  if (split.length === 0) return step;
  let { wgsl } = step;
  const functions: string[] = [];
  for (const { group, binding, length } of split) {
    const declared = declaredAt(wgsl, group, binding);
    const elements = partBytes(limitOf(groupsOf(step)[group]![binding]!)) / bytesOfElement(wgsl, declared);
    wgsl = withAccesses(wgsl, declared.name, {
      load: (i) => `${declared.name}_at(u32(${i}))`,
      store: (i, value) => `${declared.name}_set(u32(${i}), ${value});`,
    });
    functions.push(accessFunctions(declared, length, elements));
  }
  wgsl = wgsl.replace(BINDING, (_, g: string, b: string, text: string) => {
    const at = numbers[Number(g)]![Number(b)]!;
    const { length } = parts[Number(g)]![Number(b)] ?? { length: 1 };
    const named = (k: number) => (length > 1 ? text.replace(/ (\w+): array/, ` $1_${k}: array`) : text);
    return Array.from({ length }, (_, k) => `@group(${g}) @binding(${at + k})${named(k)}`).join('\n');
  });
  const whole = withOperandLists({ ...step, wgsl: `${wgsl}\n${functions.join('\n')}` }, (list) =>
    list.flatMap(partsFor),
  );
  // A read in parts is no texture, and moves those after it.
  if (!step.texels) return whole;
  return { ...whole, texels: step.reads.flatMap((read, k) => partsFor(read).map(() => step.texels?.[k])) };
}

const BINDING = /@group\((\d)\) @binding\((\d+)\)([^;]*;)/g;

/** The storage binding of this number. */
function declaredAt(wgsl: string, group: number, binding: number): Declared {
  const pattern = `@group\\(${group}\\) @binding\\(${binding}\\) var<storage, ([a-z_]+)> (\\w+): array<(\\w+)>;`;
  const [, mode, name, type] = new RegExp(pattern).exec(wgsl) ?? [];
  if (!name || !type) throw new RegraftError(`kernel: binding ${binding} of group ${group} is no array of elements.`);
  return { name, type, writable: mode === 'read_write' };
}

function bytesOfElement(wgsl: string, { type }: Declared): number {
  const named = new RegExp(`alias ${type} = (\\w+);`).exec(wgsl)?.[1] ?? type;
  const bytes = ELEMENT_BYTES.get(named);
  if (!bytes) throw new RegraftError(`kernel: elements of type ${named} have no known size.`);
  return bytes;
}

/** WGSL that loads and stores element `i` of a binding in parts of so many elements. */
function accessFunctions({ name, type, writable }: Declared, parts: number, elements: number): string {
  const byPart = (statement: (part: string, at: string) => string): string => {
    const cases = Array.from({ length: parts }, (_, k) => {
      const label = k < parts - 1 ? `case ${k}u:` : 'default:';
      return `    ${label} { ${statement(`${name}_${k}`, `i - ${k * elements}u`)} }`;
    });
    return `  switch (i / ${elements}u) {\n${cases.join('\n')}\n  }`;
  };
  const load = `fn ${name}_at(i: u32) -> ${type} {\n${byPart((part, at) => `return ${part}[${at}];`)}\n}`;
  if (!writable) return load;
  return `${load}\nfn ${name}_set(i: u32, value: ${type}) {\n${byPart((part, at) => `${part}[${at}] = value;`)}\n}`;
}

/** The step with `change` made to each list of its operands. */
const withOperandLists = (step: Step, change: (operands: readonly Operand[]) => readonly Operand[]): Step => ({
  ...step,
  reads: change(step.reads),
  writes: change(step.writes),
  ...(step.fusion && {
    fusion: { ...step.fusion, reads: change(step.fusion.reads), writes: change(step.fusion.writes) },
  }),
});
