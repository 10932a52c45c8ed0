#!/usr/bin/env node
/** `regraft`: what `npm run build` made, else, in a checkout, the source. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = new URL('../dist/src/cli/main.js', import.meta.url);
if (existsSync(built)) await import(built);
else await runSource();

async function runSource() {
  let tsx;
  try {
    tsx = import.meta.resolve('tsx');
  } catch {
    console.error('regraft: expected an installed checkout, found no node_modules. Run `npm ci`.');
    process.exit(1);
  }
  const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
  const flags = ['--conditions=regraft-source', '--import', tsx, main];
  const child = spawn(process.execPath, [...flags, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends these to the child too, which decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code;
  });
}
