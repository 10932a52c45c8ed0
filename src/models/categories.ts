/** Names of the outputs of published networks. The long lists are loaded when they are asked for. */

/** The names in the order of the outputs. */
export type Categories = () => Promise<readonly string[]>;

/** ImageNet's 1000 (ILSVRC 2012). */
export const imagenetCategories: Categories = async () =>
  (await import('./imagenet-categories.ts')).IMAGENET_CATEGORIES;

/** CIFAR-10's ten. */
export const cifar10Categories: Categories = async () => [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/** The twenty of Pascal VOC, after the background. */
export const vocCategories: Categories = async () => [
  '__background__',
  'aeroplane',
  'bicycle',
  'bird',
  'boat',
  'bottle',
  'bus',
  'car',
  'cat',
  'chair',
  'cow',
  'diningtable',
  'dog',
  'horse',
  'motorbike',
  'person',
  'pottedplant',
  'sheep',
  'sofa',
  'train',
  'tvmonitor',
];
