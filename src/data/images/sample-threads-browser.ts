/** `#threads` in browsers: none. A page that trains does so in a Worker already, and the browser decodes on threads of its own. */
import type { View } from '../dataset.ts';
import type { Transform } from '../transforms/transform.ts';
import type { FloatImage } from './image.ts';
import { loadImage } from './load-image.ts';

/** How many threads a loader has unless it is told. */
export function defaultThreads(): number {
  return 0;
}

/** Stands for Node's threads; what is asked of it is done by the calling thread. */
export class SampleThreads {
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  /** As loadImage. */
  load(path: string, transform: Transform, origin: number, view: View): Promise<FloatImage> {
    return loadImage(path, transform, origin, view);
  }

  async close(): Promise<void> {}
}
