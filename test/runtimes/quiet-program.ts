/** A program with the library that says one line of its own, and as many of its driver's as it is told to pretend. */
import { writeSync } from 'node:fs';
import { init, tensor } from 'regraft';
import { quietly } from '../../src/device/quiet-node.ts';

await init();
await tensor([1, 2]).add(1).data();
if (process.argv[2] !== undefined) await quietly(() => writeSync(2, process.argv[2]!));
process.stderr.write('own line\n');
process.exit(0);
