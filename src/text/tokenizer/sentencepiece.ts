/** SentencePiece's `.model` files: the part of their protobuf schema that a tokenizer needs. */
import protobuf from 'protobufjs/light.js';
import { WeightFileError } from '../../core/errors.ts';

/** https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto */
const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        pieces: { id: 1, type: 'SentencePiece', rule: 'repeated' },
        trainerSpec: { id: 2, type: 'TrainerSpec' },
        normalizerSpec: { id: 3, type: 'NormalizerSpec' },
      },
    },
    SentencePiece: {
      fields: { piece: { id: 1, type: 'string' }, score: { id: 2, type: 'float' }, type: { id: 3, type: 'int32' } },
    },
    TrainerSpec: { fields: { modelType: { id: 3, type: 'int32' }, unkId: { id: 40, type: 'int32' } } },
    NormalizerSpec: { fields: { precompiledCharsmap: { id: 2, type: 'bytes' } } },
  },
});
const ModelProto = root.lookupType('ModelProto');
const UNIGRAM = 1;
const CONTROL = 3;
const USER_DEFINED = 4;

interface Model {
  readonly pieces: readonly { readonly piece: string; readonly score: number; readonly type: number }[];
  readonly trainerSpec: { readonly modelType: number; readonly unkId: number } | null;
  readonly normalizerSpec: { readonly precompiledCharsmap: Uint8Array } | null;
}

/** What a `.model` file holds. */
export interface SentencePieceModel {
  /** Pieces and scores in the order of their ids. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  /** Control and user-defined pieces, which are never cut: ids, and whether they are special. */
  readonly fixed: readonly { readonly id: number; readonly special: boolean }[];
  readonly unknown: number;
  /** The map of characters, or none. */
  readonly characters: Uint8Array;
}

/** @throws WeightFileError for what is no SentencePiece model, or one of another kind than Unigram. */
export function readSentencePiece(name: string, bytes: Uint8Array): SentencePieceModel {
  const model = decoded(name, bytes);
  const kind = model.trainerSpec?.modelType || UNIGRAM;
  if (kind !== UNIGRAM) {
    const words = ['', 'unigram', 'byte pairs', 'words', 'characters'][kind] ?? `kind ${kind}`;
    throw new WeightFileError(
      name,
      `is a SentencePiece model of ${words}: only unigram models are read. Save tokenizer.json beside it with transformers.`,
    );
  }
  return {
    pieces: model.pieces.map(({ piece, score }) => [piece, score]),
    fixed: model.pieces.flatMap(({ type }, id) =>
      type === CONTROL || type === USER_DEFINED ? [{ id, special: type === CONTROL }] : [],
    ),
    unknown: model.trainerSpec?.unkId ?? 0,
    characters: model.normalizerSpec?.precompiledCharsmap ?? new Uint8Array(),
  };
}

function decoded(name: string, bytes: Uint8Array): Model {
  try {
    // A plain view also of Node's Buffers, which protobufjs reads by methods of theirs.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const model = ModelProto.decode(new protobuf.Reader(plain)) as unknown as Model;
    if (model.pieces.length > 0) return model;
  } catch {
    // Told below, as one line.
  }
  throw new WeightFileError(name, 'is no SentencePiece model, or is truncated: get it again.');
}
