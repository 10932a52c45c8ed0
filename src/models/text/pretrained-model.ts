/** What networks of texts have in common: their inputs, their configuration, how new weights start. */
import { ArgumentError, ShapeError } from '../../core/errors.ts';
import { formatShape } from '../../core/shape.ts';
import { type AnyModule, Embedding, init, LayerNorm, Linear, Module } from '../../nn/index.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { PretrainedConfig } from './config.ts';

/** Texts as a network takes them. */
export interface TextInputs {
  /** Numbers of tokens, int32 [batch, time]. */
  readonly input_ids?: Tensor | undefined;
  /** 0 where there is padding, [batch, time]; or of queries and keys, [batch, time, time]. Without it all are read. */
  readonly attention_mask?: Tensor | undefined;
  /** Which of two texts a token is of, int32 [batch, time]. Networks that do not tell them apart leave it alone. */
  readonly token_type_ids?: Tensor | undefined;
  /** Numbers of positions, int32 [batch, time]; counted by default. */
  readonly position_ids?: Tensor | undefined;
  /** In place of input_ids, rows of the table of words, [batch, time, width]: for gradients by token. */
  readonly inputs_embeds?: Tensor | undefined;
}

/** What an encoder gives. */
export interface EncoderOutputs {
  /** [batch, time, width]. */
  readonly last_hidden_state: Tensor;
  /** [batch, width], where the network has a pooler. */
  readonly pooler_output?: Tensor;
}

/** What a head gives. */
export interface LogitsOutputs {
  /** [batch, classes]; of tokens [batch, time, classes]. */
  readonly logits: Tensor;
}

/** What a head for answers in a text gives. */
export interface AnswerOutputs {
  /** [batch, time]. */
  readonly start_logits: Tensor;
  /** [batch, time]. */
  readonly end_logits: Tensor;
}

/** A network of texts: under its class name and its parameters' names in Hugging Face's transformers, made from its `config.json`. */
export abstract class PretrainedModel<
  C extends PretrainedConfig = PretrainedConfig,
  Outputs = unknown,
  Inputs extends TextInputs = TextInputs,
> extends Module<[Inputs], Outputs> {
  /** As in `config.json`, with what that leaves out. */
  readonly config: C;

  constructor(config: C) {
    super();
    this.config = config;
  }

  /** Gives layers that share a tensor one each, where the weights may have two though the configuration says one. */
  untie?(): void;
}

/** Any network of texts. */
// biome-ignore lint/suspicious/noExplicitAny: what a network is told and gives is its affair
export type AnyPretrainedModel = PretrainedModel<any, any, any>;

/** [batch, time] of the inputs. @throws ArgumentError for neither ids nor vectors, or both; ShapeError for other axes. */
export function textSize(op: string, { input_ids: ids, inputs_embeds: embeds }: TextInputs): [number, number] {
  const given = ids ?? embeds;
  if (!given || (ids && embeds))
    throw new ArgumentError(`${op}: expected input_ids or inputs_embeds, got ${given ? 'both' : 'neither'}.`);
  const axes = ids ? 2 : 3;
  if (given.rank !== axes)
    throw new ShapeError(
      op,
      `${ids ? 'input_ids' : 'inputs_embeds'} must be ${ids ? '[batch, time]' : '[batch, time, width]'}, got ${formatShape(given.shape)}.`,
      [given.shape],
    );
  return [given.shape[0]!, given.shape[1]!];
}

/** The mask as attention takes it, against [batch, heads, queries, keys]; undefined where there is none. */
export function attentionMask(op: string, mask: Tensor | undefined, [batch, time]: readonly [number, number]) {
  if (!mask) return undefined;
  const { shape } = mask;
  const fits = shape[0] === batch && shape.at(-1) === time && (shape.length === 2 || shape.length === 3);
  if (!fits)
    throw new ShapeError(
      op,
      `attention_mask must be [${batch}, ${time}], as the texts are, got ${formatShape(shape)}.`,
      [shape],
    );
  return mask.reshape([batch, 1, shape.length === 3 ? shape[1]! : 1, time]);
}

/** @throws ShapeError for texts that are longer than the positions that a network has. */
export function checkLength(op: string, time: number, most: number): void {
  if (time <= most) return;
  throw new ShapeError(
    op,
    `the texts have ${time} tokens, the network takes ${most}. Pass { maxLength: ${most} } to the tokenizer.`,
    [[time]],
  );
}

/** Hugging Face's initial values: weights normal, biases 0, norms 1 and 0, the vector of padding 0. */
export function initialize(model: AnyModule, deviation: number): void {
  for (const module of model.modules()) {
    if (module instanceof Embedding) module.initialize(deviation);
    else if (module instanceof Linear) {
      init.normal(module.weight, 0, deviation);
      if (module.bias) init.constant(module.bias, 0);
    } else if (module instanceof LayerNorm) {
      if (module.weight) init.constant(module.weight, 1);
      if (module.bias) init.constant(module.bias, 0);
    }
  }
}
