/** EfficientNet V2 S, M and L, with torchvision's names, order and initialisation. Tan and Le 2021, https://arxiv.org/abs/2104.00298 */
import { imagenetPreset } from '../data/transforms/compose.ts';
import { defineModel } from './define.ts';
import {
  convNorm,
  EFFICIENTNET,
  EfficientNet,
  type EfficientNetOptions,
  MBConv,
  type MBConvOptions,
  published,
  ResidualBlock,
  type Row,
  stage,
  stages,
} from './efficientnet.ts';
import { makeDivisible } from './make-divisible.ts';

/** A convolution to more channels and a 1x1 one back; one convolution where there are no more. */
export class FusedMBConv extends ResidualBlock {
  constructor(options: MBConvOptions) {
    const { expandRatio, kernel, stride, inputChannels, outChannels, norm } = options;
    const expanded = makeDivisible(inputChannels * expandRatio);
    super(
      options,
      expanded === inputChannels
        ? [convNorm(inputChannels, outChannels, kernel, norm, { stride })]
        : [
            convNorm(inputChannels, expanded, kernel, norm, { stride }),
            convNorm(expanded, outChannels, 1, norm, { activationLayer: null }),
          ],
    );
  }
}

/** The network of the rows of the paper's table 4: stages of fused blocks, then of the others. */
function v2(fused: readonly Row[], others: readonly Row[], options: EfficientNetOptions): EfficientNet {
  const setting = [...fused.map((row) => stage(FusedMBConv, row)), ...others.map((row) => stage(MBConv, row))];
  return new EfficientNet(setting, { norm: { eps: 1e-3 }, lastChannel: 1280, ...options });
}

const S_FUSED: readonly Row[] = [
  [1, 3, 1, 24, 24, 2],
  [4, 3, 2, 24, 48, 4],
  [4, 3, 2, 48, 64, 4],
];
const S_OTHERS: readonly Row[] = [
  [4, 3, 2, 64, 128, 6],
  [6, 3, 1, 128, 160, 9],
  [6, 3, 2, 160, 256, 15],
];

/** EfficientNetV2-S. */
export const efficientnet_v2_s = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_v2_s',
  title: 'EfficientNetV2-S',
  ...published('v2', 'efficientnet_v2_s-dd5fe13b.pth', 82.704, 84.228, 96.878, imagenetPreset(384, 384)),
  parameters: 21_458_488,
  multiplyAdds: 8.37,
  minSize: 33,
  stages: stages(7),
  build: (options) => v2(S_FUSED, S_OTHERS, { dropout: 0.2, ...options }),
});
/** Published weights of EfficientNetV2-S. */
export const EfficientNet_V2_SWeights = efficientnet_v2_s.weights;

const M_FUSED: readonly Row[] = [
  [1, 3, 1, 24, 24, 3],
  [4, 3, 2, 24, 48, 5],
  [4, 3, 2, 48, 80, 5],
];
const M_OTHERS: readonly Row[] = [
  [4, 3, 2, 80, 160, 7],
  [6, 3, 1, 160, 176, 14],
  [6, 3, 2, 176, 304, 18],
  [6, 3, 1, 304, 512, 5],
];

/** EfficientNetV2-M. */
export const efficientnet_v2_m = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_v2_m',
  title: 'EfficientNetV2-M',
  ...published('v2', 'efficientnet_v2_m-dc08266a.pth', 208.01, 85.112, 97.156, imagenetPreset(480, 480)),
  parameters: 54_139_356,
  multiplyAdds: 24.58,
  minSize: 33,
  stages: stages(8),
  build: (options) => v2(M_FUSED, M_OTHERS, { dropout: 0.3, ...options }),
});
/** Published weights of EfficientNetV2-M. */
export const EfficientNet_V2_MWeights = efficientnet_v2_m.weights;

const L_FUSED: readonly Row[] = [
  [1, 3, 1, 32, 32, 4],
  [4, 3, 2, 32, 64, 7],
  [4, 3, 2, 64, 96, 7],
];
const L_OTHERS: readonly Row[] = [
  [4, 3, 2, 96, 192, 10],
  [6, 3, 1, 192, 224, 19],
  [6, 3, 2, 224, 384, 25],
  [6, 3, 1, 384, 640, 7],
];

/** EfficientNetV2-L. */
export const efficientnet_v2_l = defineModel({
  ...EFFICIENTNET,
  name: 'efficientnet_v2_l',
  title: 'EfficientNetV2-L',
  ...published('v2', 'efficientnet_v2_l-59c71312.pth', 454.573, 85.808, 97.788, {
    ...imagenetPreset(480, 480, 'bicubic'),
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  }),
  parameters: 118_515_272,
  multiplyAdds: 56.08,
  minSize: 33,
  stages: stages(8),
  build: (options) => v2(L_FUSED, L_OTHERS, { dropout: 0.4, ...options }),
});
/** Published weights of EfficientNetV2-L. */
export const EfficientNet_V2_LWeights = efficientnet_v2_l.weights;
