/** Reading in ranges from every kind of source, and writing without leaving half a file. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import promises, { open } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { RegraftError, WeightFileError } from '../../src/core/errors.ts';
import * as browser from '../../src/device/files-browser.ts';
import * as node from '../../src/device/files-node.ts';

const folder = mkdtempSync(join(tmpdir(), 'regraft-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const path = join(folder, 'weights.bin');
writeFileSync(path, bytes);

const server = createServer((request, response) => {
  if (request.url === '/weights.bin') response.end(bytes);
  else if (request.url === '/endless') sendOn(response);
  else if (request.url === '/large') response.writeHead(200, { 'content-length': 1e6 }).write('a');
  else if (request.url === '/silent') response.write('a');
  else if (request.url === '/drip') {
    const drops = setInterval(() => response.write('a'), 50);
    response.on('close', () => clearInterval(drops));
  } else if (request.url === '/cut')
    response.writeHead(200, { 'content-length': 1e4 }).write('a', () => response.destroy());
  else if (request.url === '/mute') return;
  else response.writeHead(404).end();
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

function sendOn(response: ServerResponse): void {
  while (!response.destroyed && response.write(Buffer.alloc(1 << 14)));
  if (!response.destroyed) response.once('drain', () => sendOn(response));
}

const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

test('a file that is mostly holes is refused; a whole one of which the system counts little is not', async () => {
  const hollow = join(folder, 'hollow.bin');
  writeFileSync(hollow, 'a few bytes');
  truncateSync(hollow, 1 << 30);
  const there = 512 * statSync(hollow).blocks;
  await expect(node.openSource(hollow)).rejects.toThrow(
    new WeightFileError(
      hollow,
      `is mostly holes: ${there.toLocaleString('en-US')} of its 1,073,741,824 bytes are on the disk. ` +
        'It was not downloaded or copied to its end: get it again.',
    ),
  );
  const packed = join(folder, 'packed.bin');
  const handle = await open(packed, 'w');
  const some = Buffer.alloc(4096, 1);
  // Bytes at every second place: a compressing system counts as little.
  for (let at = 0; at < 4 << 20; at += 8192) await handle.write(some, 0, some.length, at + 4096);
  await handle.close();
  const source = await node.openSource(packed);
  expect(source.size).toBe(4 << 20);
  await source.close();
});

describe('openSource', () => {
  test.each([
    ['a path', path, path],
    ['a file URL', pathToFileURL(path), path],
    ['a file URL as text', pathToFileURL(path).href, path],
    ['an http URL', `${address}/weights.bin`, `${address}/weights.bin`],
    ['a File', new File([bytes], 'weights.bin'), 'weights.bin'],
    ['a Blob', new Blob([bytes]), 'blob'],
    ['bytes', bytes, 'bytes'],
    ['a view into larger bytes', new Uint8Array([7, ...bytes]).subarray(1), 'bytes'],
    ["a Buffer, whose slice() is not Uint8Array's", Buffer.from(bytes), 'bytes'],
    ['an ArrayBuffer', bytes.slice().buffer, 'bytes'],
  ])('%s: ranges, size and name', async (_, source, name) => {
    const opened = await node.openSource(source);
    expect(opened.name).toBe(name);
    expect(opened.size).toBe(1000);
    expect(await opened.read(500, 3)).toEqual(bytes.slice(500, 503));
    expect(await opened.read(0, 1000)).toEqual(bytes);
    expect(await opened.read(1000, 0)).toHaveLength(0);
    const parts = await Promise.all([0, 100, 200].map((offset) => opened.read(offset, 2)));
    expect(parts.map(([first]) => first)).toEqual([0, 100, 200]);
    await expect(opened.read(999, 2)).rejects.toThrow(
      `${name}: needs bytes 999 to 1001, but has 1000. The file may be truncated: get it again.`,
    );
    await opened.close();
    await opened.close();
  });

  test('what cannot be opened: a WeightFileError with the path', async () => {
    const absent = join(folder, 'absent.pth');
    await expect(node.openSource(absent)).rejects.toThrow(`${absent}: there is no such file. Check the path.`);
    await expect(node.openSource(folder)).rejects.toThrow(`${folder}: expected a file, got a folder. Check the path.`);
    await expect(node.openSource(`${path}/x`)).rejects.toThrow(
      `${path}/x: cannot be opened: a part of its path is a file, not a folder.`,
    );
    await expect(node.openSource('/dev/zero')).rejects.toThrow(
      '/dev/zero: expected a file, got a device. Check the path.',
    );
    await expect(node.openSource('http://')).rejects.toThrow('http://: is no valid address. Check it.');
    await expect(node.openSource(`${address}/absent`)).rejects.toThrow('the server answered 404 Not Found');
    await expect(node.openSource('http://127.0.0.1:1/x')).rejects.toThrow(WeightFileError);
    await expect(node.openSource(new URL('ftp://host/x'))).rejects.toThrow('expected an http, https or file URL');
  });

  test.skipIf(process.platform === 'win32')('a pipe that nobody writes to is refused, not waited for', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(node.openSource(pipe)).rejects.toThrow(`${pipe}: expected a file, got a pipe. Check the path.`);
    const file = await node.openSource(path);
    await expect(file.beside!('pipe')).rejects.toThrow(`${pipe}: expected a file, got a pipe. Check the path.`);
    await file.close();
  });

  test('a URL: without end, silent, broken off', async () => {
    const limit = 100_000;
    const failed = async (name: string) =>
      node.openSource(`${address}/${name}`, { limit, idle: 300 }).then(
        () => 'opened',
        (error: Error) => error.message.replace(`${address}/`, ''),
      );
    expect(await failed('endless')).toBe(
      'endless: cannot be fetched (it sends more than 100,000 bytes). Check the address.',
    );
    expect(await failed('large')).toBe(
      'large: cannot be fetched (it sends more than 100,000 bytes). Check the address.',
    );
    expect(await failed('silent')).toBe(
      'silent: cannot be fetched (less than 1 kB came in 0.3 s). The transfer broke off: try again.',
    );
    expect(await failed('drip')).toBe(
      'drip: cannot be fetched (less than 1 kB came in 0.3 s). The transfer broke off: try again.',
    );
    expect(await failed('mute')).toBe(
      'mute: cannot be fetched (nothing came for 0.3 s). Check the address and the network.',
    );
    expect(await failed('cut')).toBe(
      'cut: cannot be fetched (the server broke the connection off). The transfer broke off: try again.',
    );
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('regraft-download-'))).toEqual([]);
  });

  test('in browsers: URLs and Files, no paths', async () => {
    const opened = await browser.openSource(`${address}/weights.bin`);
    expect(await opened.read(10, 2)).toEqual(bytes.slice(10, 12));
    expect((await browser.openSource(new File([bytes], 'a'))).size).toBe(1000);
    await expect(browser.openSource('weights.bin')).rejects.toThrow('weights.bin: a browser cannot open paths.');
    await expect(browser.writeFileAtomic('a', [])).rejects.toThrow('a: a browser has no file system to write to.');
    expect(browser.joinPath('https://host/a/', 'b', 'c')).toBe('https://host/a/b/c');
  });
});

describe('writeFileAtomic', () => {
  const target = join(folder, 'out.bin');
  const temporaries = () => readdirSync(folder).filter((name) => name.endsWith('.tmp'));

  test('writes the chunks in order, replaces what was there, follows links', async () => {
    await node.writeFileAtomic(target, [bytes.subarray(0, 10), bytes.subarray(10)]);
    expect(readFileSync(target)).toEqual(Buffer.from(bytes));
    async function* chunks() {
      yield bytes.subarray(0, 1);
      yield new Uint8Array(0);
      yield bytes.subarray(1, 2);
    }
    const link = join(folder, 'link.bin');
    symlinkSync(target, link);
    await node.writeFileAtomic(pathToFileURL(link), chunks());
    expect([...readFileSync(target)]).toEqual([0, 1]);
    expect(temporaries()).toEqual([]);
  });

  test('a failure half-way leaves the old file, and no temporary one', async () => {
    writeFileSync(target, 'old');
    async function* chunks() {
      yield bytes;
      throw new Error('no more');
    }
    await expect(node.writeFileAtomic(target, chunks())).rejects.toThrow('no more');
    expect(readFileSync(target, 'utf8')).toBe('old');
    expect(temporaries()).toEqual([]);
    const nowhere = join(folder, 'none', 'out.bin');
    await expect(node.writeFileAtomic(nowhere, [])).rejects.toThrow(
      `${nowhere}: cannot be written: its folder does not exist. Create it first.`,
    );
    await expect(node.writeFileAtomic(folder, [bytes])).rejects.toThrow(RegraftError);
  });
});

test('what a killed process left beside a file goes with the next one; that of a living process stays', async () => {
  const own = mkdtempSync(join(folder, 'litter-'));
  const names = [2 ** 22 + 1, process.ppid].map((pid) => `x.onnx.${pid}.abc123.tmp`);
  for (const name of names) writeFileSync(join(own, name), 'half');
  await node.writeFileAtomic(join(own, 'x.onnx'), [bytes]);
  expect(readdirSync(own).sort()).toEqual(['x.onnx', names[1]]);
});

test('a fault in a temporary folder names where the file was to go', async () => {
  const target = join(folder, 'model.json');
  const fault = node.replaceFiles(
    target,
    (staged) => node.writeFileAtomic(join(dirname(staged), 'no', 'shard'), []) as never,
  );
  await expect(fault).rejects.toThrow(
    `${join(folder, 'no', 'shard')}: cannot be written: its folder does not exist. Create it first.`,
  );
});

test('a cache folder that cannot be: the way out', async () => {
  vi.stubEnv('REGRAFT_CACHE', path);
  await expect(node.cacheFolder('weights')).rejects.toThrow(
    `${join(path, 'weights')}: the cache folder cannot be created: a part of its path is a file, not a folder. Name another with the environment variable REGRAFT_CACHE.`,
  );
  expect(await node.readNote('tuning.json')).toBeUndefined();
  vi.unstubAllEnvs();
});

test('cacheFolder: REGRAFT_CACHE, then XDG_CACHE_HOME if absolute', async () => {
  vi.stubEnv('REGRAFT_CACHE', join(folder, 'cache'));
  const cache = await node.cacheFolder('weights');
  expect(cache).toBe(join(folder, 'cache', 'weights'));
  expect(await node.exists(cache)).toBe(true);
  expect(await node.exists(join(cache, 'absent'))).toBe(false);
  vi.stubEnv('REGRAFT_CACHE', '');
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'xdg'));
  expect(await node.cacheFolder('weights')).toBe(join(folder, 'xdg', 'regraft', 'weights'));
  vi.unstubAllEnvs();
});

describe('replaceFiles', () => {
  const own = mkdtempSync(join(folder, 'replace-'));
  const [first, second] = ['a-shard.bin', 'a.json'].map((name) => join(own, name)) as [string, string];
  const contents = () => Object.fromEntries(readdirSync(own).map((name) => [name, text(join(own, name))]));
  const text = (file: string) => (statSync(file).isDirectory() ? 'a folder' : readFileSync(file, 'utf8'));
  /** Writes both files, the second under the name that is asked for. */
  const both = async (staged: string) => {
    const shard = join(dirname(staged), 'a-shard.bin');
    writeFileSync(shard, 'new shard');
    writeFileSync(staged, 'new json');
    return { files: [shard, staged], result: 7 };
  };

  test('moves all files to where they belong, and gives the result', async () => {
    expect(await node.replaceFiles(second, both)).toBe(7);
    expect(contents()).toEqual({ 'a-shard.bin': 'new shard', 'a.json': 'new json' });
  });

  test('what fails leaves everything as it was', async () => {
    writeFileSync(first, 'old shard');
    writeFileSync(second, 'old json');
    const before = contents();
    const fault = node.replaceFiles(second, async (staged) => {
      await both(staged);
      expect(contents()).toMatchObject(before);
      throw new Error('wrong');
    });
    await expect(fault).rejects.toThrow('wrong');
    expect(contents()).toEqual(before);
  });

  test('the last, which names the others, is away while they change', async () => {
    writeFileSync(first, 'old shard');
    writeFileSync(second, 'old json');
    const { rename } = promises;
    const seen: Record<string, string>[] = [];
    const files = () => Object.fromEntries(Object.entries(contents()).filter(([name]) => !name.endsWith('.tmp')));
    promises.rename = async (from, to) => {
      await rename(from, to);
      seen.push(files());
    };
    syncBuiltinESMExports();
    try {
      await node.replaceFiles(second, both);
    } finally {
      promises.rename = rename;
      syncBuiltinESMExports();
    }
    expect(seen).toEqual([{ 'a-shard.bin': 'new shard' }, { 'a-shard.bin': 'new shard', 'a.json': 'new json' }]);
  });

  test('an earlier file that cannot be moved brings the last back', async () => {
    rmSync(first);
    mkdirSync(join(first, 'full'), { recursive: true });
    const before = contents();
    await expect(node.replaceFiles(second, both)).rejects.toThrow(/a-shard\.bin: cannot be written: /);
    expect(contents()).toEqual(before);
    rmSync(first, { recursive: true });
    writeFileSync(first, 'old shard');
  });

  test('a file that cannot be moved takes back those before it, new and old', async () => {
    rmSync(second);
    mkdirSync(join(second, 'full'), { recursive: true });
    for (const shard of ['old shard', undefined]) {
      if (shard === undefined) rmSync(first);
      const before = contents();
      await expect(node.replaceFiles(second, both)).rejects.toThrow(/a\.json: cannot be written: /);
      expect(contents()).toEqual(before);
    }
  });

  test('follows a link, and names a folder that is not there', async () => {
    const [target, link] = [join(own, 'target'), join(own, 'link')];
    writeFileSync(target, 'old');
    symlinkSync(target, link);
    await node.replaceFiles(link, async (staged) => {
      writeFileSync(staged, 'new');
      return { files: [staged], result: undefined };
    });
    expect(readFileSync(target, 'utf8')).toBe('new');
    const absent = join(own, 'absent', 'x');
    await expect(node.replaceFiles(absent, both)).rejects.toThrow(
      `${absent}: cannot be written: its folder does not exist. Create it first.`,
    );
    await expect(browser.replaceFiles('a', both)).rejects.toThrow('a: a browser has no file system to write to.');
  });
});
