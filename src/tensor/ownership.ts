/** Which parameters have an optimizer: one that training reaches and no optimizer has would stay as it is, in silence. */

/** A parameter, as far as its optimizer matters. */
export interface Owned {
  readonly requires_grad: boolean;
  /** Name and shape, for messages. */
  readonly label: string;
}

const owned = new WeakSet<object>();
/** The backward pass that last gave each parameter a gradient. */
const passes = new WeakMap<object, number>();
let pass = 0;
/** Parameters without an optimizer that got a gradient; they may be gone. */
let orphans: WeakRef<Owned>[] = [];

/** A new backward pass begins. */
export function beginPass(): void {
  pass++;
}

/** Backward gave `parameter` a gradient. */
export function noteGradient(parameter: Owned): void {
  if (!passes.has(parameter) && !owned.has(parameter)) orphans.push(new WeakRef(parameter));
  passes.set(parameter, pass);
}

/** An optimizer has these. */
export function adopt(parameters: Iterable<object>): void {
  for (const parameter of parameters) owned.add(parameter);
}

/** Parameters that got their gradients together with those of an optimizer, and have none of their own. */
export function orphansBeside(parameters: readonly object[]): Owned[] {
  if (!orphans.length) return [];
  adopt(parameters);
  const together = new Set(parameters.map((p) => passes.get(p)));
  orphans = orphans.filter((ref) => ref.deref() && !owned.has(ref.deref()!));
  return orphans.flatMap((ref) => {
    const parameter = ref.deref()!;
    return parameter.requires_grad && together.has(passes.get(parameter)) ? [parameter] : [];
  });
}
