/** Photos whose pixels are stored turned, with the EXIF tag that says so. */
import sharp from 'sharp';
import { picture } from './photos.ts';

/** A 13 x 9 picture with this orientation tag: JPEG or, without loss, PNG, WebP, TIFF. */
export function tagged(format: 'jpeg' | 'png' | 'webp' | 'tiff', orientation: number): Promise<Buffer> {
  const { data, width, height } = picture(13, 9);
  const image = sharp(data, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
  if (format === 'webp') return image.webp({ lossless: true }).toBuffer();
  return (format === 'jpeg' ? image.jpeg({ chromaSubsampling: '4:4:4' }) : image[format]()).toBuffer();
}
