/**
 * A program that opens one adapter under two names in turn and computes on each device, for a test of memory. Its argument: how often.
 * Prints the megabytes by which the process grew after the first four.
 */
import { init, zeros } from '../../src/index.ts';

const times = Number(process.argv[2]);
const { description } = await init();
const names = [description, description.slice(0, 5)];
let before = 0;
for (let k = 0; k < times; k++) {
  await init({ adapter: names[k % 2]! });
  await zeros([1024, 1024]).add(1).data();
  globalThis.gc?.();
  if (k === 3) before = process.memoryUsage().rss;
}
console.log(Math.round((process.memoryUsage().rss - before) / 1e6));
process.exit();
