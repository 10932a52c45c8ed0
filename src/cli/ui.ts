/** `regraft ui`: the browser page, served to this machine alone. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { Command } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { wholeNumber } from './arguments.ts';
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

interface Flags {
  readonly port: number;
  readonly page: string;
}

export function uiCommand(): Command {
  return new Command('ui')
    .summary('serve the browser page on this machine')
    .description('Serves the page to browsers on this machine. Everything it does happens in the browser.')
    .option('--port <n>', 'port on localhost; 0 takes a free one', wholeNumber(0), 4173)
    .option('--page <folder>', 'the built page', PAGE)
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
  const server = createServer(async ({ method, url }, response) => {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const file = fileOf(folder, url ?? '/');
    const bytes = file === null ? null : await readFile(file).catch(() => null);
    if (file === null || bytes === null) {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('There is no such file.\n');
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': bytes.length,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    });
    response.end(method === 'HEAD' ? undefined : bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(portFault(error, port)));
    server.listen(port, 'localhost', resolve);
  });
  return server;
}

/** The file that a request's path means; null for what cannot be one, or lies outside. */
function fileOf(folder: string, url: string): string | null {
  let path: string;
  try {
    path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return null;
  }
  if (path.includes('\0')) return null;
  const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path));
  return file.startsWith(normalize(folder) + sep) ? file : null;
}

function portFault({ code }: NodeJS.ErrnoException, port: number): ArgumentError {
  const reason = code === 'EADDRINUSE' ? 'is taken' : code === 'EACCES' ? 'is not allowed' : `cannot be had (${code})`;
  return new ArgumentError(`ui: port ${port} ${reason}. Choose another with --port; --port 0 takes a free one.`);
}
