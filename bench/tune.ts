/** `regraft bench --tune`: finds the fastest tile for every class of product in the chosen workloads. */
import { currentDevice } from '../src/device/current.ts';
import { type Tile, type TunedProduct, tune } from '../src/index.ts';
import { tileSize } from '../src/kernels/gemm/tiles.ts';
import { formatMs } from './table.ts';
import type { Workload } from './workload.ts';

/** Prints a line (or JSON) for each class of product, as it is done. */
export async function tuneWorkloads(chosen: readonly Workload[], { json = false }: { json?: boolean }): Promise<void> {
  let classes = 0;
  const print = (product: TunedProduct) => {
    if (json) console.log(JSON.stringify({ tuned: product }));
    else {
      if (classes === 0) console.log(`${'class'.padEnd(24)}  ${'default'.padEnd(22)}  ${'fastest'.padEnd(22)}  kernel`);
      const wrong = product.wrong.length > 0 ? `, ${product.wrong.length} computed something else` : '';
      console.log(
        `${product.class.padEnd(24)}  ${timed(product.default).padEnd(22)}  ${timed(product.best).padEnd(22)}  ${product.kernel}${wrong}`,
      );
    }
    classes++;
  };
  for (const workload of chosen) {
    const ready = await workload.prepare();
    try {
      await ready.before?.();
      await tune(ready.record, print);
    } finally {
      await ready.end?.();
    }
  }
  const device = currentDevice();
  console.error(
    classes > 0
      ? `${classes} ${classes === 1 ? 'class' : 'classes'} of products tuned for ${device.info.description}; later runs on it take the fastest.`
      : 'every class of product in these workloads is tuned already.',
  );
}

function timed({ tile, ms }: { tile: Tile; ms: number }): string {
  const [rows, columns] = tileSize(currentDevice().target, tile);
  const depth = tile.family === 'lane' ? '' : `x${tile.depth}`;
  const fragments = tile.family === 'matrix' ? ` of ${tile.component} ${tile.M}x${tile.N}x${tile.K}` : '';
  return `${rows}x${columns}${depth}${fragments} ${formatMs(ms)} ms`;
}
