/** The proof of freezing in a sentence for people with photos: the same on the terminal, in the report and on the page. */
import { formatBytes, formatCount, plural } from '../core/format.ts';
import type { FreezingProof } from '../train/freezing-proof.ts';

/** 'The part of the network that was to stay as it is did: its 50 tensors (2.9 MB) are the same, byte for byte.' */
export function freezingInWords({ tensors, bytes, changedBytes }: FreezingProof): string {
  const part = 'The part of the network that was to stay as it is';
  const size = `${plural(tensors, 'tensor')} (${formatBytes(bytes)})`;
  return changedBytes === 0
    ? `${part} did: its ${size} are the same, byte for byte.`
    : `${part} did not: of its ${size}, ${formatCount(changedBytes)} bytes were changed.`;
}
