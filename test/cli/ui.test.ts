/** `regraft ui`: the page comes over localhost, and nothing else does. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { servePage } from '../../src/cli/ui.ts';
import { temporaryFolder } from '../data/photos.ts';
import { regraft } from './regraft.ts';

let home: string;
let page: string;
const open: { close(): void }[] = [];

beforeAll(() => {
  home = temporaryFolder();
  page = join(home, 'web');
  mkdirSync(join(page, 'assets'), { recursive: true });
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(page, 'assets/main.js'), 'export {};');
  writeFileSync(join(home, 'secret.txt'), 'secret');
});
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function serve(): Promise<number> {
  const server = await servePage(page, 0);
  open.push(server);
  return (server.address() as AddressInfo).port;
}

/** As sent: `fetch` would tidy the path. */
function get(
  port: number,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string; text: string; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    request({ port, path, method, headers, host: 'localhost', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        const { statusCode: status, headers } = response;
        resolve({ status: status!, type: headers['content-type'] ?? '', text, headers });
      });
    })
      .on('error', reject)
      .end();
  });
}

describe('regraft ui', () => {
  test('serves the page with its types', async () => {
    const port = await serve();
    expect(await get(port, '/')).toMatchObject({
      status: 200,
      type: 'text/html; charset=utf-8',
      text: '<!doctype html><title>page</title>',
    });
    expect(await get(port, '/assets/main.js?v=1')).toMatchObject({
      status: 200,
      type: 'text/javascript; charset=utf-8',
    });
    expect((await get(port, '/', 'HEAD')).text).toBe('');
  });

  test.each(['/missing.js', '/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/assets', '/%00', '/%zz'])(
    'gives nothing for %s',
    async (path) => {
      expect(await get(await serve(), path)).toMatchObject({ status: 404, text: 'There is no such file.\n' });
    },
  );

  test('in no frame of another site, and only once unless it changed', async () => {
    const port = await serve();
    const { headers } = await get(port, '/assets/main.js');
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'content-security-policy': "frame-ancestors 'none'",
      'cache-control': 'no-cache',
    });
    expect(await get(port, '/assets/main.js', 'GET', { 'if-none-match': headers.etag! })).toMatchObject({
      status: 304,
      text: '',
    });
  });

  test('under the names of this machine alone', async () => {
    const port = await serve();
    for (const host of [`127.0.0.1:${port}`, 'localhost', `[::1]:${port}`])
      expect((await get(port, '/', 'GET', { host })).status).toBe(200);
    for (const host of ['evil.example', `localhost.evil.example:${port}`, '127.0.0.1.evil.example'])
      expect(await get(port, '/', 'GET', { host })).toMatchObject({
        status: 421,
        text: 'This page is served to this machine alone.\n',
      });
  });

  test('the folder may be typed with a slash; links out of it are not followed', async () => {
    symlinkSync(join(home, 'secret.txt'), join(page, 'link.txt'));
    symlinkSync(join(page, 'index.html'), join(page, 'inside.html'));
    const server = await servePage(`${page}/`, 0);
    open.push(server);
    const { port } = server.address() as AddressInfo;
    expect((await get(port, '/')).status).toBe(200);
    expect((await get(port, '/inside.html')).status).toBe(200);
    expect((await get(port, '/link.txt')).status).toBe(404);
  });

  test('a port that is none is wrong usage', async () => {
    expect(await regraft(['ui', '--port', '70000'], home)).toMatchObject({
      code: 2,
      stderr:
        "regraft: option '--port <n>' argument '70000' is invalid. Expected a whole number, 0 to 65535.\n(regraft ui --help explains)\n",
    });
  });

  test('takes no other methods', async () => {
    expect((await get(await serve(), '/', 'POST')).status).toBe(405);
  });

  test('the command prints the address, and ends at an interrupt', async () => {
    const outcome = await regraft(['ui', '--port', '0', '--page', page], home, undefined, (child, stdout) => {
      if (stdout.includes('\n')) child.kill('SIGINT');
    });
    expect(outcome.stdout).toMatch(/^The page is at http:\/\/localhost:\d+\/ \(Ctrl\+C ends it\)\.\n$/);
    expect(outcome.code).toBe(0);
  });

  test('says that the page is not built, and that a port is taken', async () => {
    const none = join(home, 'none');
    expect(await regraft(['ui', '--page', none], home)).toMatchObject({
      code: 1,
      stderr: `ArgumentError: ui: ${none} holds no index.html: the page is not built. Run npm run build.\n`,
    });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, 'localhost', resolve));
    open.push(other);
    const { port } = other.address() as AddressInfo;
    expect(await regraft(['ui', '--page', page, '--port', `${port}`], home)).toMatchObject({
      code: 1,
      stderr: `ArgumentError: ui: port ${port} is taken. Choose another with --port; --port 0 takes a free one.\n`,
    });
  });
});
