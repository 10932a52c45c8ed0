/** Inert stand-ins for the objects of a pickle that nothing may make here. */

/** The stand-in for such a class and for its instances: its name, and the arguments it was called with. Nothing is run. */
export class StandIn {
  /** `pathlib.PosixPath` */
  readonly name: string;
  /** Why a file whose weights need it is refused. */
  readonly refusal: string;
  /** Arguments, state and items. */
  readonly parts: unknown[];
  constructor(name: string, refusal: string, parts: unknown[] = []) {
    this.name = name;
    this.refusal = refusal;
    this.parts = parts;
  }

  /** The stand-in for the result of calling it. */
  called(args: unknown): StandIn {
    // These make an object of the class, or take something of the object, that they are given first.
    const first = /^copy_?reg\.|\.(getattr|_reconstruct)$/.test(this.name) && Array.isArray(args) ? args[0] : undefined;
    const { name, refusal } = first instanceof StandIn ? first : this;
    return new StandIn(name, refusal, [args]);
  }
}

/** Everything that can be reached from `value`, each object once, in order; however deep, cyclic or shared it is. */
export function* objectsIn(value: unknown, seen: Set<unknown> = new Set()): Generator<object> {
  const open = [value];
  while (open.length > 0) {
    const object = open.pop();
    if (typeof object !== 'object' || object === null || seen.has(object)) continue;
    seen.add(object);
    yield object;
    const inside = partsOf(object);
    for (let i = inside.length - 1; i >= 0; i--) open.push(inside[i]);
  }
}

function partsOf(object: object): readonly unknown[] {
  if (Array.isArray(object)) return object;
  if (object instanceof StandIn) return object.parts;
  if (object instanceof Map) return [...object].flat();
  return object instanceof Set ? [...object] : [];
}
