/** One measurement, one process: what it prints are lines of JSON, whose fields together are what it reports. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** Drivers keep compiled shaders on disk: whoever ran before must not make a first run fast. */
const NO_SHADER_CACHE = { MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0' };

/**
 * Runs a script of this folder.
 * @param folder of what `prepare.ts` writes
 * @throws Error in one line, if it fails or prints anything else.
 */
export async function runProcess<T>(script: string, args: readonly string[], folder: string): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const flags = isPlain(script)
    ? [path]
    : ['--import', import.meta.resolve('tsx'), '--conditions=regraft-source', path];
  const child = spawn(process.execPath, [...flags, ...args], {
    env: { ...process.env, ...NO_SHADER_CACHE, BENCH_FOLDER: folder, BENCH_STARTED: String(Date.now()) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve(signal ? `ended by ${signal}` : code === 0 ? '' : `ended with ${code}`),
    );
  });
  const [failure, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (failure) throw new Error([failure, reasonIn(errors)].filter(Boolean).join(': '));
  return Object.assign({}, ...output.split('\n').filter(Boolean).map(parse));
}

/** Whether a script starts as an installed program does, without a compiler of TypeScript. */
const isPlain = (script: string): boolean => script === 'cold.mjs';

/** What Node says of an error that nobody caught, else the last line. */
function reasonIn(errors: string): string | undefined {
  const lines = errors.trim().split('\n');
  return lines.find((line) => /^\w*Error: /.test(line)) ?? lines.at(-1);
}

function parse(line: string): object {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`expected lines of JSON, got ${line}`);
  }
}
