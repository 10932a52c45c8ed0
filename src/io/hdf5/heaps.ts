/**
 * The global heaps of an HDF5 file, where texts of any length lie, looked over before the library reads them: it walks a heap object by
 * object, and one that says it takes no room would keep it there for ever.
 * Format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section III.E.
 */
import { WeightFileError } from '../../core/errors.ts';
import { count } from '../base/bytes.ts';

const SIGNATURE = [0x47, 0x43, 0x4f, 0x4c, 1, 0, 0, 0]; // 'GCOL', version 1

/** @throws WeightFileError for a heap whose objects do not follow one another to its end. */
export function checkHeaps(bytes: Uint8Array, name: string): void {
  const lengthBytes = bytes[bytes[8]! < 2 ? 14 : 10];
  // The library refuses other widths.
  if (lengthBytes !== 4 && lengthBytes !== 8) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengthAt = (at: number): number =>
    lengthBytes === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
  const header = aligned(8 + lengthBytes);
  for (let at = bytes.indexOf(SIGNATURE[0]!); at >= 0; at = bytes.indexOf(SIGNATURE[0]!, at + 1)) {
    if (at + header > bytes.length) return;
    if (!SIGNATURE.every((byte, i) => bytes[at + i] === byte)) continue;
    const end = at + lengthAt(at + 8);
    // The library refuses a heap that goes on past the file.
    if (end > bytes.length) continue;
    for (let object = at + header; object + header <= end; ) {
      const size = lengthAt(object + 8);
      // Object 0 is the free room, and counts its header.
      const room = view.getUint16(object, true) === 0 ? size : header + aligned(size);
      if (room === 0 || room > end - object)
        throw new WeightFileError(
          name,
          `the heap object at byte ${count(object)} takes ${room === 0 ? 'no room' : 'more than its heap has'}. It is damaged: get it again.`,
        );
      object += room;
    }
  }
}

const aligned = (n: number): number => Math.ceil(n / 8) * 8;
