/** `regraft ui`: the browser page, served to this machine alone. */
import { existsSync } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, sep } from 'node:path';
import { Command, Option } from 'commander';
import { causeOf } from '../core/cause.ts';
import { ArgumentError } from '../core/errors.ts';
import { portNumber } from './arguments.ts';
import { print } from './output.ts';
import { onSignal } from './signals.ts';

/** Where `npm run build` puts the page. */
const PAGE = join(dirname(createRequire(import.meta.url).resolve('#package')), 'dist', 'web');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Of every file: looked at again at each visit, as what it says it is, in no other site's frame. */
const HEADERS = {
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "frame-ancestors 'none'",
} as const;

interface Flags {
  readonly port: number;
  readonly page: string;
}

export function uiCommand(): Command {
  return new Command('ui')
    .summary('serve the browser page on this machine')
    .description(
      'Serves the page to browsers on this machine, until Ctrl+C. Everything it does happens in the browser.',
    )
    .option('--port <n>', 'port on localhost; 0 takes a free one', portNumber, 4173)
    .addOption(new Option('--page <folder>', 'the built page').default(PAGE, 'that of this installation'))
    .addHelpText(
      'after',
      `
Example:
  regraft ui --port 8080`,
    )
    .action(run);
}

async function run({ port, page }: Flags): Promise<void> {
  const server = await servePage(page, port);
  onSignal(() => {
    server.close();
    server.closeAllConnections();
  });
  print(`The page is at http://localhost:${(server.address() as AddressInfo).port}/ (Ctrl+C ends it).`);
}

/**
 * Serves the files of `folder` on localhost.
 * @throws ArgumentError if the folder holds no built page, or the port cannot be had.
 */
export async function servePage(folder: string, port: number): Promise<Server> {
  if (!existsSync(join(folder, 'index.html')))
    throw new ArgumentError(`ui: ${folder} holds no index.html: the page is not built. Run npm run build.`);
  const root = await realpath(folder);
  const server = createServer(async (request, response) => {
    const { method, url = '/', headers } = request;
    const refuse = (status: number, text: string, more = {}) =>
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...more }).end(`${text}\n`);
    // A foreign name that was made to point here is another site's page.
    if (!isThisMachine(headers.host)) return refuse(421, 'This page is served to this machine alone.');
    if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'Only GET and HEAD.', { allow: 'GET, HEAD' });
    const file = await fileOf(root, url);
    if (!file) return refuse(404, 'There is no such file.');
    const etag = `"${file.size.toString(36)}-${Math.trunc(file.mtimeMs).toString(36)}"`;
    const common = { ...HEADERS, etag };
    if (headers['if-none-match'] === etag) return response.writeHead(304, common).end();
    const bytes = await readFile(file.path).catch(() => null);
    if (!bytes) return refuse(404, 'There is no such file.');
    const type = TYPES[extname(file.path)] ?? 'application/octet-stream';
    response.writeHead(200, { ...common, 'content-type': type, 'content-length': bytes.length });
    return response.end(method === 'HEAD' ? undefined : bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(portFault(error, port)));
    server.listen(port, 'localhost', resolve);
  });
  return server;
}

/** The file that a request's path means; null for what cannot be one, or lies outside, be it behind a link. */
async function fileOf(
  root: string,
  url: string,
): Promise<{ readonly path: string; readonly size: number; readonly mtimeMs: number } | null> {
  try {
    const name = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const path = await realpath(join(root, name.endsWith('/') ? `${name}index.html` : name));
    const there = await stat(path);
    const { size, mtimeMs } = there;
    return path.startsWith(root + sep) && there.isFile() ? { path, size, mtimeMs } : null;
  } catch {
    return null;
  }
}

/** Whether a request was made to this machine by one of its own names. */
function isThisMachine(host = ''): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host);
}

function portFault(error: NodeJS.ErrnoException, port: number): ArgumentError {
  const { code } = error;
  const known = code === 'EADDRINUSE' ? 'is taken' : code === 'EACCES' ? 'is not allowed' : undefined;
  const reason = known ?? `cannot be had: ${causeOf(error)}`;
  return new ArgumentError(`ui: port ${port} ${reason}. Choose another with --port; --port 0 takes a free one.`);
}
