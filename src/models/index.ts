/**
 * Networks with their published names, order, initialisation and weights.
 * @module regraft/models
 */
export { CIFAR_PRESET, type ImagePreset, imagenetPreset } from '../data/transforms/compose.ts';
export type { Categories } from './categories.ts';
export {
  type Adapted,
  defineModel,
  type ModelDefinition,
  type ModelEntry,
  type ModelOptions,
  type Network,
  type PublishedFile,
  type PublishedWeights,
  type WeightNames,
  type WeightsSource,
} from './define.ts';
export * from './families.ts';
export { graftHead } from './graft.ts';
export { guessNetwork, namingNetwork } from './guess-network.ts';
export * as keras from './keras/keras.ts';
export { MODELS, modelEntry, SEGMENTATION_MODELS } from './models.ts';
export * as onnx from './onnx/onnx.ts';
export {
  type OpenPretrainedOptions,
  openPretrained,
  type Pretrained,
  pretrainedFiles,
  type SavedPretrained,
  savePretrained,
} from './open-pretrained.ts';
export type { PretrainedWeights, WeightsTable } from './published.ts';
export * from './text/networks.ts';
export * as tfjs from './tfjs/tfjs.ts';
