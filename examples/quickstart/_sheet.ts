import { Generator } from 'regraft';
import { writeImage } from 'regraft/data';
import { draw, SIDE } from './draw.ts';
import { PRETRAINING_SUBJECTS } from './pretraining-subjects.ts';
import { SUBJECTS } from './subjects.ts';

for (const [name, set] of [
  ['pre', PRETRAINING_SUBJECTS],
  ['quick', SUBJECTS],
] as const) {
  const entries = Object.entries(set);
  const n = name === 'pre' ? 6 : 16,
    split = name === 'pre' ? 3 : 1;
  const rows = Math.ceil(entries.length / split);
  const W = n * split * SIDE,
    H = rows * SIDE;
  const data = new Uint8Array(W * H * 3);
  const t = performance.now();
  entries.forEach(([, s], k) => {
    for (let i = 0; i < n; i++) {
      const p = draw(s, new Generator(k * 1000 + i));
      const x0 = ((k % split) * n + i) * SIDE,
        y0 = Math.floor(k / split) * SIDE;
      for (let y = 0; y < SIDE; y++)
        data.set(p.data.subarray(y * SIDE * 3, (y + 1) * SIDE * 3), ((y0 + y) * W + x0) * 3);
    }
  });
  console.log(name, entries.length, ((performance.now() - t) / entries.length / n).toFixed(2), 'ms each');
  await writeImage(`/tmp/qs/${name}.png`, { data, width: W, height: H });
}
