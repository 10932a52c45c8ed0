/** New heads for models that have one. */
import { ArgumentError } from '../core/errors.ts';
import { type AnyModule, Conv2d, Linear } from '../nn/index.ts';
import type { ModelEntry } from './define.ts';

/** Gives a model heads for so many classes, as its entry says; of auxiliary ones those that are there. @returns the first new layer. */
export function graft(
  { graft: own, heads: [head, ...auxiliary] }: Pick<ModelEntry, 'graft' | 'heads'>,
  model: AnyModule,
  classes: number,
): Linear | Conv2d {
  if (own) return own(model, classes);
  const paths = new Set(model.namedModules().map(([path]) => path));
  for (const path of auxiliary) if (paths.has(path)) graftHead(model, path, classes);
  return graftHead(model, head!, classes);
}

/**
 * Replaces the layer at `head` (an entry's `head`) by a new, trainable one of the same kind with `numClasses` outputs.
 * @returns the new layer.
 */
export function graftHead(model: AnyModule, head: string, numClasses: number): Linear | Conv2d {
  const old = model.getSubmodule(head);
  const cut = head.lastIndexOf('.');
  const parent = model.getSubmodule(cut < 0 ? '' : head.slice(0, cut)) as unknown as Record<string, AnyModule>;
  const grafted = sameKind(old, numClasses);
  if (!grafted)
    throw new ArgumentError(
      `graftHead: '${head}' must be a Linear or a Conv2d, got ${old.typeName}. Replace it by hand.`,
    );
  parent[head.slice(cut + 1)] = grafted;
  return grafted;
}

function sameKind(old: AnyModule, numClasses: number): Linear | Conv2d | undefined {
  if (old instanceof Linear) return new Linear(old.inFeatures, numClasses, { bias: old.bias !== null });
  if (!(old instanceof Conv2d)) return undefined;
  const { stride, padding, dilation } = old;
  return new Conv2d(old.inChannels, numClasses, old.kernelSize, { stride, padding, dilation, bias: old.bias !== null });
}
