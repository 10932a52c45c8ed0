/** Modules and tensors in a tree by names with dots: `layer1.0.conv1.weight`. */
import { ArgumentError } from '../../core/errors.ts';
import { type AnyModule, type Buffer, Module, type Parameter } from '../../nn/index.ts';

/** What has parts and is not run by itself. */
export class Scope extends Module<never[], never> {
  override forward(): never {
    throw new ArgumentError('Scope: expected the whole model to be run, got one part. Call the forward of the model.');
  }
}

type Fields = Record<string, unknown>;

/** A field of a module. */
export interface Place {
  readonly owner: AnyModule;
  readonly field: string;
}

/** A field by its path from the root, under which `getSubmodule` finds it. */
export interface PathPlace extends Place {
  readonly path: string;
}

/**
 * Puts something under its name. Where a name cannot be divided at its dots, because a tensor is in the way, its rest is one field; a field that
 * modules have anyhow (`training`) gets a `_`.
 */
export function put(root: AnyModule, name: string, value: Parameter | Buffer | AnyModule): PathPlace {
  const place = placeOf(root, name);
  (place.owner as unknown as Fields)[place.field] = value;
  return place;
}

function placeOf(root: AnyModule, name: string): PathPlace {
  const parts = name.split('.');
  const scopes: string[] = [];
  let owner = root;
  while (parts.length > 1 && parts.every((part) => part !== '')) {
    const fields = owner as unknown as Fields;
    const [next] = parts as [string];
    if (!(next in owner)) fields[next] = new Scope();
    else if (!Object.hasOwn(owner, next) || !(fields[next] instanceof Module)) break;
    owner = fields[next] as AnyModule;
    scopes.push(parts.shift()!);
  }
  let field = parts.join('.');
  while (field in owner || field === '') field = `${field}_`;
  return { owner, field, path: [...scopes, field].join('.') };
}

/** The place of a layer whose tensors all lie in one scope under the fields' own names; undefined where they do not. */
export function scopeOfFields(root: AnyModule, fields: Readonly<Record<string, string>>): string | undefined {
  const paths = Object.entries(fields).map(([field, name]) =>
    name.endsWith(`.${field}`) ? name.slice(0, -field.length - 1) : '',
  );
  const [path = ''] = paths;
  if (path === '' || paths.some((other) => other !== path) || path.split('.').includes('')) return undefined;
  const place = placeOf(root, path);
  return place.field === path.split('.').at(-1) ? path : undefined;
}

/**
 * Puts a layer beside tensors that have other names: it shows them, and they go when it is replaced.
 * @param places of its tensors.
 */
export function putBound(root: AnyModule, path: string, module: AnyModule, places: readonly Place[]): PathPlace {
  const place = placeOf(root, path);
  const { owner, field } = place;
  Object.defineProperty(owner, field, {
    enumerable: true,
    configurable: true,
    get: () => module,
    set: (value: unknown) => {
      for (const place of places) delete (place.owner as unknown as Fields)[place.field];
      Object.defineProperty(owner, field, { value, enumerable: true, configurable: true, writable: true });
    },
  });
  return place;
}
