/** COCO files of made-up images for the tests of boxes. */
import { files } from '../tables/made.ts';

export const image = (id: number | string, file_name = `${id}.jpg`) => ({ id, file_name, width: 40, height: 30 });
export const categories = [
  { id: 1, name: 'cat' },
  { id: 2, name: 'dog' },
];
export const box = (id: number, image_id: number | string, bbox: unknown, category_id = 1) => ({
  id,
  image_id,
  bbox,
  category_id,
});
/** A folder with images of these ids and a COCO file. */
export const cocoFolder = (content: object, images: readonly string[] = ['1.jpg', '2.jpg']) =>
  files(images, { 'a.json': JSON.stringify(content) });
