/** Readers with a fault each, and the fuzzer's child process with one of them: `argument` names it. */
import { pathToFileURL } from 'node:url';
import { type Reader, readFiles } from '../../scripts/fuzz/oracle.ts';
import { work } from '../../scripts/fuzz/work.ts';

const held: unknown[] = [];

export const FAULTS: Readonly<Record<string, Reader>> = {
  hangs: () => {
    for (;;);
  },
  'ends the process': () => process.exit(0),
  'runs out of memory': () => {
    for (;;) held.push(new Array(1 << 20).fill(0));
  },
  'throws what is no error of ours': () => {
    throw new TypeError("Cannot read properties of undefined (reading 'length')");
  },
  'keeps memory': (files, options) => {
    held.push(new Array(16 << 20).fill(0));
    return readFiles(files, options);
  },
  'takes memory for a moment': async (files, options) => {
    const state = await readFiles(files, options);
    const parts = Array.from({ length: 5 }, () => Buffer.allocUnsafeSlow(64 << 20).fill(1));
    return parts.length > 0 ? state : new Map();
  },
  'makes code of text': (files, options) => {
    new Function('return 1')();
    return readFiles(files, options);
  },
};

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await work(FAULTS[process.argv.at(-1)!]!);
