/** Networks by name, each loaded when it is chosen: a page that lists them all carries none. */
import { ArgumentError } from '../core/errors.ts';
import { editDistance } from '../core/options.ts';
import { isDefined, type ModelEntry } from './define.ts';

/** A family's file, and what it calls its networks. */
interface Family {
  readonly names: readonly string[];
  /** Its exports: those that `defineModel` made are its networks. */
  load(): Promise<object>;
}

const family = (names: string, load: () => Promise<object>): Family => ({ names: names.split(' '), load });

/** The families, a row each. */
const FAMILIES: readonly Family[] = [
  family('cifarResnet20 cifarResnet32 cifarResnet44 cifarResnet56 cifarResnet110', () => import('./cifar-resnet.ts')),
  family('convnext_tiny convnext_small convnext_base convnext_large', () => import('./convnext.ts')),
  family('densenet121 densenet161 densenet169 densenet201', () => import('./densenet.ts')),
  family(
    'efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7',
    () => import('./efficientnet.ts'),
  ),
  family('efficientnet_v2_s efficientnet_v2_m efficientnet_v2_l', () => import('./efficientnet-v2.ts')),
  family('inception_v3', () => import('./inception.ts')),
  family('keras.MobileNetV3Small keras.MobileNetV3Large', () => import('./keras/mobilenet-v3.ts')),
  family('keras.ResNet50 keras.ResNet101 keras.ResNet152', () => import('./keras/rgb.ts')),
  family('keras.DenseNet121 keras.DenseNet169 keras.DenseNet201', () => import('./keras/densenet.ts')),
  family(
    'keras.EfficientNetB0 keras.EfficientNetB1 keras.EfficientNetB2 keras.EfficientNetB3 keras.EfficientNetB4 keras.EfficientNetB5 keras.EfficientNetB6 keras.EfficientNetB7',
    () => import('./keras/efficientnet.ts'),
  ),
  family(
    'keras.EfficientNetV2B0 keras.EfficientNetV2B1 keras.EfficientNetV2B2 keras.EfficientNetV2B3 keras.EfficientNetV2S keras.EfficientNetV2M keras.EfficientNetV2L',
    () => import('./keras/efficientnet-v2.ts'),
  ),
  family('keras.InceptionV3', () => import('./keras/inception.ts')),
  family('keras.MobileNet keras.MobileNetV2', () => import('./keras/mobilenet.ts')),
  family('keras.ResNet50V2 keras.ResNet101V2 keras.ResNet152V2', () => import('./keras/resnet.ts')),
  family('keras.VGG16 keras.VGG19', () => import('./keras/vgg.ts')),
  family('keras.Xception', () => import('./keras/xception.ts')),
  family('mobilenet_v2', () => import('./mobilenet-v2.ts')),
  family('mobilenet_v3_small mobilenet_v3_large', () => import('./mobilenet-v3.ts')),
  family('resnet18 resnet34 resnet50 resnet101 resnet152', () => import('./resnet.ts')),
  family(
    'resnext50_32x4d resnext101_32x8d resnext101_64x4d wide_resnet50_2 wide_resnet101_2',
    () => import('./resnext.ts'),
  ),
  family('smallResnet', () => import('./small-resnet.ts')),
  family('squeezenet1_0 squeezenet1_1', () => import('./squeezenet.ts')),
  family('vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn', () => import('./vgg.ts')),
];

/** The families whose networks tell something of every pixel. */
const DENSE: readonly Family[] = [
  family('deeplabv3_resnet50 deeplabv3_resnet101 deeplabv3_mobilenet_v3_large', () => import('./deeplabv3.ts')),
  family('fcn_resnet50 fcn_resnet101', () => import('./fcn.ts')),
  family('lraspp_mobilenet_v3_large', () => import('./lraspp.ts')),
  family('unet', () => import('./unet.ts')),
];

/** `resnet50` before `resnet101`. */
const { compare } = new Intl.Collator('en', { numeric: true });

/** The names of the networks that segment images, in their order; any other's with `unet-` before it is the name of a U-Net on it. */
export const SEGMENTATION_NAMES: readonly string[] = DENSE.flatMap(({ names }) => names).sort(compare);

/** The names of all networks that classify images, in their order. */
export const NETWORK_NAMES: readonly string[] = FAMILIES.flatMap(({ names }) => names).sort(compare);

/** Names that networks had in earlier versions, which saved models and checkpoints still have. */
const FORMER: Readonly<Record<string, string>> = {
  kerasResnet50: 'keras.ResNet50',
  kerasResnet101: 'keras.ResNet101',
  kerasResnet152: 'keras.ResNet152',
};

/** The name that a network has now. */
export function networkName(name: string): string {
  return Object.hasOwn(FORMER, name) ? FORMER[name]! : name;
}

/** Whether there is a network of a name, that of an earlier version included. */
export function isNetwork(name: string): boolean {
  const known = networkName(name);
  return NETWORK_NAMES.includes(known) || SEGMENTATION_NAMES.includes(known) || encoderOf(known) !== undefined;
}

/** The encoder that the name of a U-Net on one says: `resnet18` of `unet-resnet18`. */
function encoderOf(name: string): string | undefined {
  const encoder = /^unet-(.+)$/.exec(name)?.[1];
  return encoder !== undefined && NETWORK_NAMES.includes(encoder) ? encoder : undefined;
}

/**
 * The entry of a network, whose family is loaded.
 * @param name one of {@link NETWORK_NAMES} or {@link SEGMENTATION_NAMES}, `unet-` and an encoder's name, or a name of an earlier version
 * @param kind what the message says there is none of
 * @throws ArgumentError for an unknown one, with the names that come close.
 */
export async function networkEntry(name: string, kind?: string): Promise<ModelEntry> {
  const known = networkName(name);
  const encoder = encoderOf(known);
  if (encoder !== undefined)
    return (await import('./encoder-unet.ts')).encoderUnetEntry(await networkEntry(encoder, 'encoder'));
  const family = [...FAMILIES, ...DENSE].find(({ names }) => names.includes(known));
  if (!family) throw unknownNetwork(name, kind);
  return networksOf(await family.load()).find((network) => network.name === known)!;
}

/** The entries of all networks that classify images, in the names' order; all families are loaded. */
export async function networkEntries(): Promise<readonly ModelEntry[]> {
  return inOrder(await Promise.all(FAMILIES.map(({ load }) => load())));
}

/** The entries of the networks that segment images, in the names' order. */
export async function segmentationEntries(): Promise<readonly ModelEntry[]> {
  return inOrder(await Promise.all(DENSE.map(({ load }) => load())));
}

/** The networks of families, in the names' order. */
export function inOrder(families: readonly object[]): ModelEntry[] {
  return families.flatMap(networksOf).sort((a, b) => compare(a.name, b.name));
}

const networksOf = (family: object): ModelEntry[] => Object.values(family).filter(isDefined);

/** What is thrown for a name that no network has. */
export function unknownNetwork(name: string, kind = 'network'): ArgumentError {
  const key = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const ranked = NETWORK_NAMES.map((known) => ({ known, distance: distanceOf(key(name), key(known)) })).sort(
    (a, b) => a.distance - b.distance,
  );
  const close = ranked.filter(({ distance }) => distance <= Math.max(2, ranked[0]!.distance)).slice(0, 3);
  const hint =
    ranked[0]!.distance <= 4
      ? `Close names: ${close.map(({ known }) => known).join(', ')}.`
      : `There are ${NETWORK_NAMES.join(', ')}.`;
  return new ArgumentError(`model: there is no ${kind} '${name}'. ${hint}`);
}

/** How far a name is from a known one; not at all where it is a part of it, as resnet20 of cifarResnet20. */
function distanceOf(name: string, known: string): number {
  return name !== '' && known.includes(name) ? 0 : editDistance(name, known);
}
