/**
 * `npm install` of a git address or of this folder from another project: builds, since that project gets what is here. The checkout's own
 * `npm ci` needs no build: its commands run the source.
 */
import { execSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';

/** Where npm was called. */
const { INIT_CWD: caller = process.cwd() } = process.env;
const fromOutside = relative(process.cwd(), caller).startsWith('..');
if (fromOutside && !existsSync('dist')) execSync('npm run build', { stdio: 'inherit' });
