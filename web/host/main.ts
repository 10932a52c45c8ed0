/** The exported page: a fine-tuned network on a picked photo. Everything is in its one file; nothing is sent anywhere. */

import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { decodeImage } from '../../src/data/images/decode-browser.ts';
import { transformed } from '../../src/data/images/load-image.ts';
import { transformFromJSON } from '../../src/data/transforms/compose.ts';
import type { Transform, TransformJSON } from '../../src/data/transforms/transform.ts';
import { bytesSource } from '../../src/device/byte-source.ts';
import { init } from '../../src/graph/init.ts';
import { safetensors } from '../../src/io/safetensors.ts';
import { networkEntry } from '../../src/models/registry.ts';
import type { Module } from '../../src/nn/index.ts';
import { softmaxRows } from '../../src/tasks/image-classification/metrics.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { showAnswer, showNoAnswer } from '../view/answer.ts';
import { acceptDrops, byId, make, questions } from '../view/dom.ts';

interface Description {
  readonly model: string;
  readonly classes: readonly string[];
  readonly transforms: TransformJSON;
}

interface Classifier {
  readonly model: Module;
  readonly classes: readonly string[];
  readonly transforms: Transform;
}

const status = byId('status');
const choose = byId<HTMLButtonElement>('choose');
let classifier: Classifier | null = null;
/** Answers about earlier photos are dropped. */
const ask = questions();

const picker = byId<HTMLInputElement>('photo');
choose.addEventListener('click', () => picker.click());
picker.addEventListener('change', () => {
  const [photo] = picker.files ?? [];
  picker.value = '';
  if (photo) void classify(photo);
});
acceptDrops(byId('target'), ([photo]) => photo && void classify(photo));
void told(open);

/** Does `work`; what goes wrong is shown, instead of an earlier photo and its probabilities. */
async function told(work: (isNewest: () => boolean) => Promise<void>): Promise<void> {
  const isNewest = ask();
  const fault = byId('fault');
  fault.textContent = '';
  try {
    await work(isNewest);
  } catch (error) {
    if (!isNewest()) return;
    fault.textContent = (error as Error).message;
    if (!classifier) status.textContent = 'The network cannot run here.';
    byId('target').replaceChildren(make('p', { className: 'soft', textContent: 'Drop a photo here.' }));
    showNoAnswer('Probabilities appear here.');
  }
}

async function open(): Promise<void> {
  await init();
  const { model: name, classes, transforms }: Description = JSON.parse(byId('description').textContent!);
  const model = await (await networkEntry(name)).create({ numClasses: classes.length });
  const { state } = await safetensors.read(bytesSource(carriedWeights()), {});
  model.loadStateDict(state, { copy: false });
  classifier = { model: model.eval(), classes, transforms: transformFromJSON(transforms) };
  document.title = `${classes.join(', ')}: which is it?`;
  status.textContent = `It tells ${classes.length} classes apart: ${classes.join(', ')}.`;
  choose.disabled = false;
}

/** The weights out of the page, which lets go of their text. */
function carriedWeights(): Uint8Array {
  const element = byId('weights');
  const binary = atob(element.textContent!);
  element.remove();
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function classify(photo: File): Promise<void> {
  return told(async (isNewest) => {
    if (!classifier) return;
    const { model, classes, transforms } = classifier;
    const decoded = await decodeImage(new Uint8Array(await photo.arrayBuffer()), photo.name, transforms);
    const { data, shape } = transformed(decoded, photo.name, transforms, 0, FIRST_VIEW);
    const logits = await noGrad(() => model.forward(tensor(data, [1, ...shape]))).data();
    if (!isNewest()) return;
    const image = make('img', { src: URL.createObjectURL(photo), alt: photo.name });
    image.addEventListener('load', () => URL.revokeObjectURL(image.src), { once: true });
    byId('target').replaceChildren(image);
    showAnswer(classes, [...softmaxRows(logits, classes.length)], true);
  });
}
