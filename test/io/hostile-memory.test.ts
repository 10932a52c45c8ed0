/**
 * Files whose bytes would become many objects each, read by a process whose heap has room for a small multiple of them and no
 * more: it ends where a reader builds what it should refuse.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { bytes, pickle, safetensorsOf, torchLegacy, torchZip } from './build.ts';
import { field } from './onnx-build.ts';

const SIZE = 2 << 20;
/** Of the process's heap: the readers take some 40 MiB of it, and dictionaries of a byte each take 190 times theirs. */
const HEAP_MIB = 192;

const repeated = (...of: number[]) => new Uint8Array(SIZE).map((_, i) => of[i % of.length]!);
const lists = `{"format":[${'[],'.repeat(SIZE / 3)}[]]}`;
const FILES: Readonly<Record<string, Uint8Array>> = {
  'dictionaries.pth': torchZip(pickle(repeated(0x7d))),
  'sets.pth': torchZip(pickle(repeated(0x8f))),
  'packed.pth': torchZip(pickle(repeated(0x7d)), { 0: new Uint8Array(SIZE).map((_, i) => (i * i) >> 3) }, 6),
  'legacy.th': torchLegacy(pickle(repeated(0x7d))),
  'nodes.onnx': bytes(0x08, 8, field(7, repeated(0x0a, 0))),
  'raw.onnx': bytes(0x08, 8, field(7, field(5, repeated(0x4a, 0)))),
  'unknown.onnx': bytes(0x08, 8, field(7, repeated(0xf2, 1, 0).subarray(0, 3 * Math.floor(SIZE / 3)))),
  'lists.safetensors': safetensorsOf(lists),
  'model.json': bytes(lists),
  'lists.keras': zipSync({ 'config.json': bytes(lists), 'model.weights.h5': new Uint8Array(8) }, { level: 0 }),
};

test('a heap of a small multiple of a file is enough to refuse it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-memory-'));
  try {
    for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content);
    const reader = fileURLToPath(new URL('read-files.ts', import.meta.url));
    const flags = [`--max-old-space-size=${HEAP_MIB}`, '--conditions=regraft-source', '--import', 'tsx'];
    const names = Object.keys(FILES);
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...flags,
      reader,
      ...names.map((n) => join(folder, n)),
    ]);
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => line.replaceAll(`${folder}/`, '').split(':')[0])).toEqual(names);
    for (const line of lines) expect(line).toMatch(/would take more than [\d,]+ bytes of memory|holds no weights/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
