/** SHA-256 by the platform, in Node and browsers alike. */

/**
 * The SHA-256 of the parts, one after another, in hexadecimal. Text counts as UTF-8.
 * Browsers have it on https and localhost only, as WebGPU.
 */
export async function sha256(...parts: readonly (string | ArrayBufferView)[]): Promise<string> {
  const bytes = parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : bytesOf(part)));
  const whole = bytes.length === 1 ? bytes[0]! : joined(bytes);
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', whole as Uint8Array<ArrayBuffer>));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
