/** A tree of modules, as the functions behind the methods of `Module` see it. */
import type { Tensor } from '../tensor/tensor.ts';

/** Sees what a module returned, and what it was given. */
export type ForwardHook<Inputs extends unknown[] = Tensor[], Outputs = Tensor> = (
  output: Outputs,
  inputs: Readonly<Inputs>,
) => void;

/** A module and what is in it; `P` are its parameters. Methods are those of `Module`. */
export interface ModuleTree<P extends Tensor = Tensor> {
  readonly typeName: string;
  training: boolean;
  extraRepr(): string;
  // biome-ignore lint/suspicious/noExplicitAny: what goes in and comes out is the module's affair
  forward(...inputs: any): any;
  // biome-ignore lint/suspicious/noExplicitAny: likewise
  onForward(hook: ForwardHook<any, any>): () => void;
  train(mode: boolean): unknown;
  modules(): ModuleTree[];
  namedModules(): [string, ModuleTree][];
  namedChildren(): [string, ModuleTree][];
  parameters(): P[];
  namedParameters(): [string, P][];
}
