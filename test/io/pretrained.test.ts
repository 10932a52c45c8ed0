/** fetchPretrained against a local server: progress, cache, checks, and what it says when there is no network. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ArgumentError, WeightFileError } from '../../src/core/errors.ts';
import { type FetchOptions, fetchPretrained, type PretrainedFile } from '../../src/io/index.ts';

const content = Buffer.alloc(300_000, 'weights');
const sha256 = createHash('sha256').update(content).digest('hex');
let server: Server;
let base: string;
let cache: string;
let requests = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests++;
    if (request.url === '/models/net-good.pth') response.end(content);
    else if (request.url === '/models/net-cut.pth') {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1000), () => response.destroy());
    } else if (request.url === '/models/net-silent.pth') response.write('a');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'regraft-pretrained-'));
  requests = 0;
  return () => rm(cache, { recursive: true });
});

const good = (): PretrainedFile => ({ url: `${base}/net-good.pth`, size: content.length, sha256: sha256.slice(0, 8) });

async function failure(file: PretrainedFile, options: FetchOptions = {}): Promise<string> {
  const error = await fetchPretrained(file, { cache, ...options }).catch((e) => e);
  expect(error).toBeInstanceOf(WeightFileError);
  expect((await readdir(cache)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  return error.message;
}

test('downloads once, with progress, and then takes it from the cache', async () => {
  const progress: [number, number | undefined][] = [];
  const path = await fetchPretrained(good(), { cache, onProgress: (done, total) => progress.push([done, total]) });
  expect(path).toBe(join(cache, 'net-good.pth'));
  expect(content.equals(await readFile(path as string))).toBe(true);
  expect(progress.at(-1)).toEqual([content.length, content.length]);
  expect(progress.map(([done]) => done)).toEqual(progress.map(([done]) => done).sort((a, b) => a - b));
  expect(await fetchPretrained(good(), { cache })).toBe(path);
  expect(requests).toBe(1);
  expect(await readdir(cache)).toEqual(['net-good.pth']);
});

test('the default cache is the folder of weights in REGRAFT_CACHE', async () => {
  process.env.REGRAFT_CACHE = cache;
  try {
    expect(await fetchPretrained(good())).toBe(join(cache, 'weights', 'net-good.pth'));
  } finally {
    delete process.env.REGRAFT_CACHE;
  }
});

test('without a cache, and without a known size, the bytes come back', async () => {
  const { url } = good();
  const bytes = await fetchPretrained({ url, sha256 }, { cache: false });
  expect(content.equals(bytes as Uint8Array)).toBe(true);
});

test('another content or size than recorded is refused and not kept', async () => {
  const { url } = good();
  expect(await failure({ url, sha256: '00000000' })).toBe(
    `net-good.pth: has SHA-256 ${sha256.slice(0, 8)}, expected 00000000. What ${url} sends has changed or was damaged on the way: try again.`,
  );
  const byHand = `Put the file at ${join(cache, 'net-good.pth')} by hand.`;
  expect(await failure({ ...good(), size: 299_999 })).toBe(
    `net-good.pth: cannot be downloaded from ${url} (it sends more than the 299,999 bytes expected). ${byHand}`,
  );
  expect(await failure({ ...good(), size: 300_001 })).toBe(
    `net-good.pth: cannot be downloaded from ${url} (it sends 300,000 bytes, 300,001 are expected). ${byHand}`,
  );
  expect(await readdir(cache)).toEqual([]);
});

test('a wrong file in the cache is said, not replaced', async () => {
  const path = join(cache, 'net-good.pth');
  await writeFile(path, 'short');
  expect(await failure(good())).toBe(`${path}: has 5 bytes, expected 300,000. Delete it to download it again.`);
  await writeFile(path, Buffer.alloc(content.length));
  expect(await failure(good())).toMatch(
    /net-good\.pth: has SHA-256 [0-9a-f]{8}, expected [0-9a-f]{8}\. Delete it to download it again\.$/,
  );
  expect(requests).toBe(0);
});

test('no network, no such file, a broken and a silent transfer: each says where to put the file by hand', async () => {
  const file = (name: string) => ({ ...good(), url: `${base}/${name}` });
  const said = (name: string, url: string, reason: string) =>
    `${name}: cannot be downloaded from ${url} (${reason}). Put the file at ${join(cache, name)} by hand.`;
  const offline = 'http://127.0.0.1:1/net-off.pth';
  const message = await failure({ ...good(), url: offline });
  expect(message).toMatch(
    /^net-off\.pth: cannot be downloaded from http:\/\/127\.0\.0\.1:1\/net-off\.pth \(.+\)\. Put the file at /,
  );
  expect(message.endsWith(`Put the file at ${join(cache, 'net-off.pth')} by hand.`)).toBe(true);
  expect(await failure(file('net-none.pth'))).toBe(
    said('net-none.pth', `${base}/net-none.pth`, 'the server answered 404 Not Found'),
  );
  expect(await failure(file('net-cut.pth'))).toMatch(/^net-cut\.pth: cannot be downloaded from .* by hand\.$/);
  expect(await failure(file('net-silent.pth'), { timeout: 1000 })).toBe(
    said('net-silent.pth', `${base}/net-silent.pth`, 'less than 1 kB came in 1 s'),
  );
});

test('a digest that is none is a mistake of the caller', async () => {
  await expect(fetchPretrained({ ...good(), sha256: 'XYZ' })).rejects.toThrow(ArgumentError);
});
