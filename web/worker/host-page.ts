/** The page that runs an exported model by itself: one file with the weights inside, so that a double click opens it. */
import script from 'virtual:host-script';
import { STYLE } from '../../src/report/style.ts';
import page from '../host/index.html?raw';
import style from '../host/style.css?raw';

/** @param description the text of `model.json` @param weights the bytes of `model.safetensors` */
export function hostPage(description: string, weights: Iterable<Uint8Array>): string[] {
  const parts: Readonly<Record<string, () => Iterable<string>>> = {
    '/* style */': () => [`${STYLE}\n${style}`],
    // No text of a class may end its element.
    '/* description */': () => [description.replaceAll('<', '\\u003c')],
    '/* weights */': () => base64(weights),
    '/* script */': () => [script.replaceAll('</script', '<\\/script')],
  };
  return page.split(/(\/\* \w+ \*\/)/).flatMap((text) => [...(parts[text]?.() ?? [text])]);
}

/** Base64 in pieces, none of which needs a string as long as the whole. */
function* base64(chunks: Iterable<Uint8Array>): Generator<string> {
  let rest = new Uint8Array(0);
  for (const chunk of chunks) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const whole = bytes.length - (bytes.length % 3);
    for (let at = 0; at < whole; at += PIECE) yield encoded(bytes.subarray(at, Math.min(whole, at + PIECE)));
    rest = bytes.slice(whole);
  }
  yield encoded(rest);
}

/** A multiple of 3 within what a call takes as arguments. */
const PIECE = 0x6000;

const encoded = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
