/** The convolutions of ResNet-50 as torchvision builds it (v1.5: the stride sits in the 3x3), by shape alone. */

/** One convolution of square images and kernels, padded by half the kernel. */
export interface Conv {
  readonly kernel: number;
  readonly stride: number;
  readonly inChannels: number;
  readonly outChannels: number;
  /** Height and width of the input. */
  readonly size: number;
  /** 0 for the stem, else the number of the stage (`layer1` to `layer4`). */
  readonly stage: number;
  /** It reads what the stage before it made. */
  readonly entersStage: boolean;
}

const STAGES = [
  { planes: 64, blocks: 3, stride: 1 },
  { planes: 128, blocks: 4, stride: 2 },
  { planes: 256, blocks: 6, stride: 2 },
  { planes: 512, blocks: 3, stride: 2 },
] as const;

/** Features before the last layer. */
export const FEATURES = 2048;

export const outSize = ({ size, stride }: Conv): number => Math.ceil(size / stride);

/** All 53, in the order of the forward pass, for images of `size` x `size`. */
export function resnet50Convs(size: number): Conv[] {
  const convs: Conv[] = [{ kernel: 7, stride: 2, inChannels: 3, outChannels: 64, size, stage: 0, entersStage: false }];
  let channels = 64;
  let side = Math.ceil(Math.ceil(size / 2) / 2);
  STAGES.forEach(({ planes, blocks, stride }, s) => {
    const out = 4 * planes;
    const stage = s + 1;
    for (let block = 0; block < blocks; block++) {
      const first = block === 0;
      const step = first ? stride : 1;
      const inner = Math.ceil(side / step);
      const inside = { stage, entersStage: false };
      convs.push(
        { kernel: 1, stride: 1, inChannels: channels, outChannels: planes, size: side, stage, entersStage: first },
        { kernel: 3, stride: step, inChannels: planes, outChannels: planes, size: side, ...inside },
        { kernel: 1, stride: 1, inChannels: planes, outChannels: out, size: inner, ...inside },
      );
      if (first)
        convs.push({
          kernel: 1,
          stride: step,
          inChannels: channels,
          outChannels: out,
          size: side,
          stage,
          entersStage: true,
        });
      channels = out;
      side = inner;
    }
  });
  return convs;
}

/** `conv3x3s2_128-128@56`: kernel, stride, channels, input size. */
export function convName({ kernel, stride, inChannels, outChannels, size }: Conv): string {
  return `conv${kernel}x${kernel}${stride > 1 ? `s${stride}` : ''}_${inChannels}-${outChannels}@${size}`;
}

/** The convolutions without repetitions. */
export function distinctConvs(size: number): Conv[] {
  return [...new Map(resnet50Convs(size).map((conv) => [convName(conv), conv])).values()];
}

/** Multiplications and additions of one pass (forward or either gradient) over a batch. */
export function convFlops(conv: Conv, batch: number): number {
  return 2 * batch * outSize(conv) ** 2 * conv.outChannels * conv.inChannels * conv.kernel ** 2;
}

/** What of the network changes: nothing, the last stage and the head, everything. */
export type Trained = 'nothing' | 'layer4' | 'all';

/** Multiplications and additions of the convolutions and the last layer in a step; `cached`: the frozen part is not computed. */
export function resnet50Flops({
  size,
  batch,
  classes,
  trained,
  cached = false,
}: {
  size: number;
  batch: number;
  classes: number;
  trained: Trained;
  cached?: boolean;
}): number {
  const dense = 2 * batch * FEATURES * classes;
  let flops = dense * (trained === 'nothing' ? 1 : 3);
  for (const conv of resnet50Convs(size)) {
    const trains = trainsConv(conv, trained);
    const passes = Number(trains || !cached) + Number(trains) + Number(passesGradient(conv, trained));
    flops += passes * convFlops(conv, batch);
  }
  return flops;
}

export const trainsConv = ({ stage }: Conv, trained: Trained): boolean =>
  trained === 'all' || (trained === 'layer4' && stage === 4);

/** Whether backward needs the gradient of the convolution's input: something before it is trained. */
export const passesGradient = (conv: Conv, trained: Trained): boolean =>
  trained === 'all' ? conv.stage > 0 : trainsConv(conv, trained) && !conv.entersStage;
