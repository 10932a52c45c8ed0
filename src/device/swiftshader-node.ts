/** SwiftShader out of the npm package `@sparticuz/chromium`: unpacked once, loaded into this process. Linux on x64. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { DeviceError } from '../core/errors.ts';
import { cacheFolder } from './files-node.ts';
import { loadLibrary } from './runtime-node.ts';
import { removeOnExit } from './temporary-node.ts';

/** The npm package that carries SwiftShader. */
export const swiftshaderPackage = '@sparticuz/chromium';

/** Vulkan's loader, by the name under which Dawn asks for it on Linux. */
export const vulkanLoader = 'libvulkan.so.1';

const ICD = 'vk_swiftshader_icd.json';
const FILES = [vulkanLoader, ICD, 'libvk_swiftshader.so'];

/**
 * Loads the package's Vulkan loader, so that Dawn finds one even where the system has none; returns the path of
 * SwiftShader's ICD file, for VK_DRIVER_FILES.
 * @throws DeviceError with the reason, if the package is absent or cannot be unpacked or loaded.
 */
export async function loadSwiftshader(): Promise<string> {
  const folder = await unpack();
  loadLibrary(join(folder, vulkanLoader));
  return join(folder, ICD);
}

/** The folder of the unpacked files, in the user's cache; where that cannot be written, in a temporary folder of this process. */
async function unpack(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new DeviceError(`${swiftshaderPackage} is for Linux on x64, this is ${process.platform} on ${process.arch}`);
  }
  const root = packageRoot();
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = join(await cacheFolder('swiftshader').catch(ownFolder), version);
  if (FILES.every((file) => existsSync(join(folder, file)))) return folder;
  const archive = join(root, 'bin', 'swiftshader.tar.br');
  if (!existsSync(archive)) throw new DeviceError(`${swiftshaderPackage} ${version} has no bin/swiftshader.tar.br`);
  const files = untar(brotliDecompressSync(await readFile(archive)));
  const temporary = await mkdtemp(`${folder}.`);
  try {
    for (const name of FILES) {
      const data = files.get(name);
      if (!data) throw new DeviceError(`${swiftshaderPackage} ${version} has no ${name} in bin/swiftshader.tar.br`);
      await writeFile(join(temporary, name), data);
    }
    // Another process may have done the same meanwhile: its folder is as good.
    await rename(temporary, folder).catch(async (error) => {
      if (!FILES.every((file) => existsSync(join(folder, file)))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** A folder that goes when the process ends. */
async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-swiftshader-'));
  removeOnExit(folder);
  return folder;
}

/** Looks beside this library, then from the folder that the program was started in. */
function packageRoot(): string {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      // The package exports only its entry point: <root>/build/cjs/index.cjs.
      return dirname(dirname(dirname(createRequire(from).resolve(swiftshaderPackage))));
    } catch {}
  }
  throw new DeviceError(`${swiftshaderPackage} is not installed`);
}

/** The regular files of a tar archive by their last path segment. Names longer than 100 bytes are not read. */
function untar(tar: Uint8Array): Map<string, Uint8Array> {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(tar.subarray(from, from + length)).replace(/\0.*$/s, '');
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim() || '0', 8);
    const kind = text(at + 156, 1);
    if (kind === '' || kind === '0') {
      const name = text(at, 100);
      files.set(name.slice(name.lastIndexOf('/') + 1), tar.subarray(at + 512, at + 512 + size));
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
