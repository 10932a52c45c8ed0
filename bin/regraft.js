#!/usr/bin/env node
/** `regraft`: in a checkout the source, which no earlier build hides; in a package what `npm run build` made. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = new URL('../src/cli/main.ts', import.meta.url);
const built = new URL('../dist/src/cli/main.js', import.meta.url);
const tsx = existsSync(source) && resolved('tsx');
if (tsx) runSource();
else if (existsSync(built)) await import(built);
else {
  console.error('regraft: expected an installed checkout, found no node_modules. Run `npm ci`.');
  process.exit(1);
}

function resolved(name) {
  try {
    return import.meta.resolve(name);
  } catch {
    return undefined;
  }
}

function runSource() {
  const flags = ['--conditions=regraft-source', '--import', tsx, fileURLToPath(source)];
  const child = spawn(process.execPath, [...flags, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal sends these to the child too, which decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code;
  });
}
