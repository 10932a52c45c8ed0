/** A format's row: how its files are recognised, read and written. A new format is a file with one of these, and its name in formats.ts. */
import type { StateDict } from '../../core/dtype.ts';
import type { OptionNames } from '../../core/options.ts';
import type { Shape } from '../../core/shape.ts';
import type { ByteSource, SourceLike } from '../../device/byte-source.ts';
import type { Module } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { KerasDescription } from '../keras/description.ts';

/** The content of a weight file. */
export interface WeightFile {
  /** Names to tensors, in the file's order, prefixes of wrappers (`module.`) taken off. */
  readonly state: StateDict;
  /** Text that the file holds beside the tensors: safetensors metadata, or the plain numbers of a checkpoint. */
  readonly metadata: Readonly<Record<string, string>>;
  /** {@link ModelFormat.name} of the format that was found. */
  readonly format: string;
  /** Notes for the user on how the file was read, a sentence each: tensors that were picked, renamed, left out. */
  readonly notes: readonly string[];
  /** Names of `state` to the names that the file itself has. */
  readonly namesInFile: ReadonlyMap<string, string>;
  /** Why the tensors are of no network of ours, whatever their names and shapes are, to follow the file's name. */
  readonly refusal?: string;
}

/** Options of reading. */
export interface ReadOptions {
  /**
   * Path of the nested dictionary of a checkpoint that holds the weights: `'model'`, or `'teacher.state_dict'`. Default: the usual
   * names are tried, and the choice is told in {@link WeightFile.notes}.
   */
  key?: string;
  /** Prefix to take off the names, `'backbone.'`; tensors whose names do not begin with it are left out. */
  stripPrefix?: string;
  /**
   * The names and shapes of the model that the weights are for, in its order; a size of -1 may be any. Where the file's names are
   * others (a prefix before them, another library's, none at all), its tensors are matched to these as far as most of them fit;
   * the dictionary of a checkpoint is the one that fits best. {@link WeightFile.notes} tells which were renamed and left out.
   */
  expected?: ReadonlyMap<string, Shape>;
  /** eps of the model's batch norms by their paths, where it is not 1e-5: for those that the file has folded into convolutions. */
  batchNormEps?: ReadonlyMap<string, number>;
  /** Strides of the model's convolutions by their paths: a file that tells other ones is refused, whatever its shapes. */
  strides?: ReadonlyMap<string, readonly number[]>;
}

/** The names of {@link ReadOptions}. */
export const READ_OPTIONS: OptionNames<ReadOptions> = {
  key: true,
  stripPrefix: true,
  expected: true,
  batchNormEps: true,
  strides: true,
};

/** Types that floating-point tensors can be written as. */
export type FloatDType = 'float32' | 'float16' | 'bfloat16';

/** Options of writing. */
export interface WriteOptions {
  /** Floating-point tensors are written as this; integers and bools stay as they are. Default: each as it is. */
  dtype?: FloatDType;
  /** Text to store beside the tensors. */
  metadata?: Readonly<Record<string, string>>;
}

/** The metadata that names the network of a state dict, where it knows one. */
export function architectureOf({ architecture }: StateDict): { readonly architecture?: string } {
  return architecture === undefined ? {} : { architecture };
}

/** A file on its way out. */
export interface OutputFile {
  /** Without a folder. */
  readonly name: string;
  /** Its bytes in order, made as they are asked for. */
  readonly chunks: Iterable<Uint8Array>;
}

/** What a format may need beside the model to write it. */
export interface ModelContext {
  /** Of the file, without a folder. */
  readonly name: string;
  /** What the model takes, the batch size of 1 included: a graph is traced for it. */
  readonly inputs: readonly { readonly name: string; readonly shape: Shape }[];
  /** Whether batch norms become part of the convolutions before them, in a graph. */
  readonly foldBatchNorm?: boolean;
  /** Text to store in the file. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** The layers of a Keras model; undefined for any other. */
  readonly keras?: KerasDescription;
}

/** One row of {@link FORMATS}: all that the library knows of a format. */
export interface ModelFormat {
  /** As messages print it: `safetensors`, `torch (zip)`. */
  readonly name: string;
  /** Usual endings, with the dot; the longest one that fits chooses the format of an output. They are never trusted for an input. */
  readonly extensions: readonly string[];
  /** What its files have of a model: tensors alone, Keras's layers with them, or the graph of the forward pass. */
  readonly holds: 'tensors' | 'layers' | 'graph';
  /**
   * Whether the content is of this format.
   * @param head The first `HEAD_BYTES` bytes, or all of a shorter file.
   * @throws WeightFileError where the container is recognised and too damaged to tell.
   */
  matches(head: Uint8Array, source: ByteSource): boolean | Promise<boolean>;
  /** @throws WeightFileError */
  read(source: ByteSource, options: ReadOptions): Promise<WeightFile>;
  /**
   * Files beside a source that have its weights, where the format cuts them off.
   * @throws WeightFileError
   */
  filesBeside?(source: ByteSource): Promise<readonly string[]>;
  /**
   * The bytes of a file of tensors in order; a tensor is converted when its turn comes. Absent where a file needs a whole model.
   * @throws ArgumentError before the first chunk if the state does not fit the format.
   */
  writeState?(state: StateDict, options: WriteOptions): Iterable<Uint8Array>;
  /**
   * The files of a whole model, the one that names the others last. Absent where a file holds any tensors.
   * @throws ArgumentError if the format has no place for the model.
   */
  writeModel?(model: Module, context: ModelContext): Promise<readonly OutputFile[]>;
  /** The output of a file's own graph, for one input of each: how a file that was written is compared with its model. */
  run?(source: SourceLike, inputs: readonly Tensor[]): Promise<Tensor>;
  /** Whether text has a place beside the tensors; true when absent. */
  readonly storesMetadata?: boolean;
}

/** How much of a file {@link ModelFormat.matches} sees. */
export const HEAD_BYTES = 512;
