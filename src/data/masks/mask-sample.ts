/** A photo with a mask of classes. */

/** An object's outline, to be drawn into a mask. */
export interface MaskOutline {
  readonly label: number;
  /** Around many objects: its pixels are ignored. */
  readonly crowd: boolean;
  /** COCO's polygons or run lengths. */
  readonly segmentation: unknown;
}

/** A photo with its mask. */
export interface MaskSample {
  /** Where the photo is, as `decodeImage` takes it; of dropped files, its path among them. */
  readonly path: string;
  /** In pixels: of the photo, turned by its EXIF tag, and of the mask. */
  readonly width: number;
  readonly height: number;
  /** The mask's file, or outlines to draw. */
  readonly mask: string | readonly MaskOutline[];
  /** Classes in it, in their order. */
  readonly labels: readonly number[];
}
