/** What `config.json` of a folder of timm's or transformers' says of the network: which of ours it is, or why it is none. */
import type { Shape } from '../../core/shape.ts';
import type { NameRules } from '../base/fit-names.ts';

/** A network whose arithmetic is that of one of ours. */
export interface HubNetwork {
  /** Ours. */
  readonly network: string;
  /** Its names to ours, rule after rule. */
  readonly names: NameRules;
  /** The shape that a tensor has here, by our name, where it differs though the numbers and their order are the same. */
  readonly shape?: (name: string, shape: Shape) => Shape;
  /** What is worth a note. */
  readonly note?: string;
}

/** A folder's network. */
export interface HubModel {
  /** As people call it: `timm's resnet50`. */
  readonly title: string;
  /** Ours, or how it differs from what there is, to follow its title: `pads as TensorFlow does`. */
  readonly is: HubNetwork | string;
  /** Names of the outputs in their order, where the config has them. */
  readonly classes?: readonly string[] | undefined;
  /** The transforms for its images, as `transformFromJSON` takes them, or what is missing to tell. */
  readonly transforms: TransformsJSON | string;
}

/** Resize, CenterCrop, ToTensor, Normalize. */
export interface TransformsJSON {
  readonly name: 'Compose';
  readonly transforms: readonly object[];
}

/** A JSON object out of a file. */
export type Config = Readonly<Record<string, unknown>>;

/** The usual chain, as JSON. @param resize of the shorter side, or of both */
export function chain(
  resize: number | readonly [number, number],
  interpolation: string,
  crop: number,
  mean: unknown,
  std: unknown,
): TransformsJSON {
  return {
    name: 'Compose',
    transforms: [
      { name: 'Resize', size: resize, interpolation },
      { name: 'CenterCrop', size: crop },
      { name: 'ToTensor' },
      { name: 'Normalize', mean, std },
    ],
  };
}

/** A list of texts; undefined for anything else. */
export function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined;
}

/** TensorFlow's padding, which networks converted from there keep. */
export const SAME_PADDING = 'pads its convolutions as TensorFlow does (“same”), which shifts every map with a stride';
