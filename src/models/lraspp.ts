/** Lite R-ASPP on MobileNet V3 large, with torchvision's names and order. Howard et al. 2019, section 6.4, https://arxiv.org/abs/1905.02244 */
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, interpolate, Module, ReLU, Sequential, Sigmoid } from '../nn/index.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { vocCategories } from './categories.ts';
import { defineModel } from './define.ts';
import {
  type Backbone,
  MOBILENET_STAGES,
  mobilenetBackbone,
  SEGMENTATION,
  SEGMENTATION_RECIPES,
  type Segmented,
} from './dense-trunk.ts';
import { torchvisionVoc } from './published.ts';

/** Classes out of the last maps, gated by their mean, and out of larger, earlier ones; both are added. */
export class LRASPPHead extends Module {
  cbr: Sequential;
  scale: Sequential;
  low_classifier: Conv2d;
  high_classifier: Conv2d;

  constructor(lowChannels: number, highChannels: number, numClasses: number, inner: number) {
    super();
    this.cbr = new Sequential(
      new Conv2d(highChannels, inner, 1, { bias: false }),
      new BatchNorm2d(inner),
      new ReLU({ inplace: true }),
    );
    this.scale = new Sequential(
      new AdaptiveAvgPool2d(1),
      new Conv2d(highChannels, inner, 1, { bias: false }),
      new Sigmoid(),
    );
    this.low_classifier = new Conv2d(lowChannels, numClasses, 1);
    this.high_classifier = new Conv2d(inner, numClasses, 1);
  }

  /**
   * Classes of the pixels of the earlier maps.
   * @param low maps of an eighth of the image
   * @param high the last maps
   */
  override forward(low: Tensor, high: Tensor): Tensor {
    const gated = this.cbr.forward(high).mul(this.scale.forward(high));
    const size = low.shape.slice(2) as [number, number];
    const up = interpolate(gated, { size, mode: 'bilinear' });
    return this.low_classifier.forward(low).add(this.high_classifier.forward(up));
  }
}

/** [N, 3, H, W] to `{ out }` [N, numClasses, H, W]. */
export class LRASPP extends Module<[Tensor], Segmented> {
  backbone: Backbone;
  classifier: LRASPPHead;

  constructor(options: { numClasses?: number } = {}) {
    super();
    this.backbone = mobilenetBackbone();
    this.classifier = new LRASPPHead(40, 960, options.numClasses ?? 21, 128);
  }

  override forward(x: Tensor): Segmented {
    const { early, last } = this.backbone.maps(x);
    const size = x.shape.slice(2) as [number, number];
    return { out: interpolate(this.classifier.forward(early, last), { size, mode: 'bilinear' }) };
  }
}

/** Lite R-ASPP on MobileNet V3 large. */
export const lraspp_mobilenet_v3_large = defineModel({
  task: SEGMENTATION.task,
  input: SEGMENTATION.input,
  categories: vocCategories,
  maps: SEGMENTATION.maps,
  name: 'lraspp_mobilenet_v3_large',
  title: 'Lite R-ASPP on MobileNet V3 large',
  parameters: 3_221_538,
  multiplyAdds: 2.09,
  stages: [...MOBILENET_STAGES, 'classifier'],
  heads: ['classifier.high_classifier', 'classifier.low_classifier'],
  weights: {
    COCO_WITH_VOC_LABELS_V1: torchvisionVoc(
      'lraspp_mobilenet_v3_large-d234d4ea.pth',
      12.49,
      57.9,
      91.2,
      `${SEGMENTATION_RECIPES}#lraspp_mobilenet_v3_large`,
    ),
  },
  build: (options) => new LRASPP(options),
});
/** Published weights of Lite R-ASPP on MobileNet V3 large. */
export const LRASPP_MobileNet_V3_LargeWeights = lraspp_mobilenet_v3_large.weights;
