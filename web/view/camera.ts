/** The webcam: recording photos of a class, and frames for live probabilities. */
import { byId, make } from './dom.ts';

/** Milliseconds between two recorded photos. */
const PACE = 150;

/** Asks for the camera. @throws Error saying why there is none. */
export async function openCamera(video: HTMLVideoElement): Promise<() => void> {
  if (!navigator.mediaDevices)
    throw new Error('This browser gives no camera here: the page must come over https or from localhost.');
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch (error) {
    const denied = (error as Error).name === 'NotAllowedError';
    throw new Error(
      denied ? 'The camera was not allowed. Allow it in the address bar, then try again.' : 'There is no camera.',
    );
  }
  video.srcObject = stream;
  await video.play();
  return () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}

/** Opens the dialog that records for a class; it closes by its button or Escape. */
export async function recordPhotos(
  name: string,
  encode: (bitmap: ImageBitmap) => Promise<Blob>,
  onFile: (file: File) => void,
): Promise<void> {
  const dialog = byId<HTMLDialogElement>('camera');
  const video = byId<HTMLVideoElement>('video');
  const note = byId('camera-note');
  const record = byId<HTMLButtonElement>('record');
  byId('camera-title').textContent = `Photos of “${name}”`;
  note.textContent = 'Waiting for the camera …';
  record.disabled = true;
  record.textContent = 'Record';
  dialog.showModal();
  const ended = new AbortController();
  let close = () => {};
  let recording = false;
  let taken = 0;
  const once = { signal: ended.signal };
  byId('camera-close').addEventListener('click', () => dialog.close(), once);
  dialog.addEventListener(
    'close',
    () => {
      recording = false;
      close();
      ended.abort();
    },
    once,
  );
  record.addEventListener(
    'click',
    async () => {
      recording = !recording;
      record.textContent = recording ? 'Stop recording' : 'Record';
      while (recording) {
        const blob = await encode(await createImageBitmap(video));
        onFile(new File([blob], `camera-${Date.now()}.jpg`, { type: blob.type }));
        note.textContent = `${++taken} photos taken. Move a little: every photo should differ.`;
        await new Promise((resolve) => setTimeout(resolve, PACE));
      }
    },
    once,
  );
  try {
    const stop = await openCamera(video);
    if (ended.signal.aborted) stop();
    else close = stop;
    note.textContent = 'Record takes about six photos a second.';
    record.disabled = false;
  } catch (error) {
    note.textContent = (error as Error).message;
  }
}

/**
 * Shows the camera in `target` and hands frames to `look`, one after another; what comes of them goes to `show`, unless the camera
 * was ended meanwhile.
 * @returns a function that ends it.
 */
export async function watchCamera<T>(
  target: HTMLElement,
  look: (bitmap: ImageBitmap) => Promise<T>,
  show: (found: T) => void,
): Promise<() => void> {
  const video = make('video', { muted: true, playsInline: true });
  const close = await openCamera(video);
  target.replaceChildren(video);
  let running = true;
  const loop = async () => {
    while (running) {
      const found = await look(await createImageBitmap(video));
      if (running) show(found);
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  };
  void loop().catch(() => {});
  return () => {
    running = false;
    close();
  };
}
