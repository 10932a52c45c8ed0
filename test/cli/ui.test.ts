/** `regraft ui`: the page comes over localhost, and nothing else does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
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
function get(port: number, path: string, method = 'GET'): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    request({ port, path, method, host: 'localhost', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        resolve({ status: response.statusCode!, type: response.headers['content-type'] ?? '', text });
      });
    })
      .on('error', reject)
      .end();
  });
}

describe('regraft ui', () => {
  test('serves the page with its types', async () => {
    const port = await serve();
    expect(await get(port, '/')).toEqual({
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
