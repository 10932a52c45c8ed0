/** The Worker: owns the GPU, the photos and the training. The page only draws. */
import type { Call, Calls, FromWorker, Request } from '../messages.ts';
import { faultOf } from './faults.ts';
import { Photos } from './photos.ts';
import { Session } from './session.ts';

const post = (message: FromWorker): void => globalThis.postMessage(message);

const photos = new Photos(post);
const session = new Session(photos, post);

const calls: {
  readonly [K in Call]: (...args: Parameters<Calls[K]>) => ReturnType<Calls[K]> | Promise<ReturnType<Calls[K]>>;
} = {
  open: () => session.open(),
  describe: (model, classes) => session.describe(model, classes),
  openFile: (model, file) => session.openFile(model, file),
  addPhotos: (list) => photos.add(list),
  removePhotos: (ids) => session.removePhotos(ids),
  frame: (bitmap) => photos.frame(bitmap),
  restore: () => session.restore(),
  save: (state) => session.save(state),
  clear: () => session.clear(),
  train: (request) => session.train(request),
  continueRun: () => session.continueRun(),
  reopen: () => session.reopen(),
  compare: () => session.compare(),
  pause: () => session.pause(),
  resume: () => session.resume(),
  stop: () => session.stop(),
  predict: (image) => session.predict(image),
  explain: (image, target) => session.explain(image, target),
  export: (kind) => session.export(kind),
  sample: async () => (await import('./sample.ts')).sample(),
};

globalThis.addEventListener('message', async ({ data }: MessageEvent<Request>) => {
  const { id, call, args } = data;
  try {
    const run = calls[call] as (...args: unknown[]) => unknown;
    post({ id, value: await run(...args) });
  } catch (error) {
    post({ id, fault: faultOf(error) });
  }
});
