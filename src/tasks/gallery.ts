/** The report's galleries of images. */
import { html, type Markup } from '../report/markup.ts';
import type { Pictured } from './image-task.ts';

/** A picture in the gallery, with its text. */
export interface GalleryItem extends Pictured {
  /** In place of the picture, for who does not see it. */
  readonly alt: string;
  readonly caption: Markup;
}

/** The images under each other's captions. */
export function gallery(items: readonly GalleryItem[]): Markup {
  return html`<ul class="gallery">${items.map(
    (item) => html`<li><figure>${picture(item)}
<figcaption>${item.caption}</figcaption></figure></li>`,
  )}</ul>`;
}

/** Only pictures that the file itself carries: the report never loads anything. They are decoded with the page, for print too. */
function picture({ thumbnail, alt }: GalleryItem): Markup {
  if (thumbnail === null || !/^data:image\/(?:jpeg|png|webp|gif|avif);base64,[A-Za-z0-9+/=]+$/.test(thumbnail))
    return html`<div class="missing">no picture</div>`;
  return html`<img src="${thumbnail}" alt="${alt}" decoding="sync">`;
}
