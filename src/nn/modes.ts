/** Training and evaluation mode, entered and left again. */
import type { ModuleTree } from './tree.ts';

/** Puts `model` into training or evaluation mode. The result puts each of its modules back into its own. */
export function enterMode(model: ModuleTree, training: boolean): () => void {
  const before = model.modules().map((module) => ({ module, training: module.training }));
  model.train(training);
  return () => {
    for (const { module, training } of before) module.training = training;
  };
}

/** Runs `fn` while `model` is in training or evaluation mode. Each module's own is put back afterwards. */
export function inMode<T>(model: ModuleTree, training: boolean, fn: () => T): T {
  const leave = enterMode(model, training);
  try {
    return fn();
  } finally {
    leave();
  }
}
