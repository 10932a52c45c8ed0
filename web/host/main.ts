/** The exported page: a fine-tuned network on a picked photo. Everything lies beside it; nothing is sent anywhere. */
import { ArgumentError } from '../../src/core/errors.ts';
import { transformFromJSON } from '../../src/data/compose.ts';
import { FIRST_VIEW } from '../../src/data/dataset.ts';
import { decodeImage } from '../../src/data/decode-browser.ts';
import { transformed } from '../../src/data/load-image.ts';
import type { Transform, TransformJSON } from '../../src/data/transform.ts';
import { blobSource } from '../../src/device/byte-source.ts';
import { init } from '../../src/device/current.ts';
import { safetensors } from '../../src/io/safetensors.ts';
import { modelEntry } from '../../src/models/registry.ts';
import type { Module } from '../../src/nn/index.ts';
import { noGrad } from '../../src/tensor/autograd.ts';
import { tensor } from '../../src/tensor/factory.ts';
import { softmaxRows } from '../../src/train/metrics.ts';
import { showAnswer } from '../view/answer.ts';
import { acceptDrops, byId, make } from '../view/dom.ts';

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

wire('choose', 'photo', ([photo]) => photo && void classify(photo));
wire('open-files', 'model-files', (files) => void openFiles(files));
acceptDrops(byId('target'), ([photo]) => photo && void classify(photo));

if (location.protocol === 'file:') {
  status.textContent =
    'Opened from a folder, a page may not read the files beside it. Choose them, or put the folder on a web server.';
  byId('files').hidden = false;
} else void told(async () => open(await fetched('model.json'), await fetched('model.safetensors')));

/** A button that opens a file picker. */
function wire(button: string, picker: string, onFiles: (files: File[]) => void): void {
  const input = byId<HTMLInputElement>(picker);
  byId(button).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    onFiles([...(input.files ?? [])]);
    input.value = '';
  });
}

/** Does `work`; what goes wrong is shown. */
async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    status.textContent = (error as Error).message;
  }
}

async function fetched(name: string): Promise<Blob> {
  const response = await fetch(`./${name}`);
  if (!response.ok)
    throw new ArgumentError(`${name}: the server answers ${response.status}. It must lie beside index.html.`);
  return response.blob();
}

function openFiles(files: readonly File[]): Promise<void> {
  return told(async () => {
    const [description, weights] = ['.json', '.safetensors'].map((end) => files.find(({ name }) => name.endsWith(end)));
    if (!description || !weights) throw new ArgumentError('Choose both: model.json and model.safetensors.');
    await open(description, weights);
    byId('files').hidden = true;
  });
}

async function open(description: Blob, weights: Blob): Promise<void> {
  await init();
  const { model: name, classes, transforms }: Description = JSON.parse(await description.text());
  const model = await modelEntry(name).create({ numClasses: classes.length });
  const { state } = await safetensors.read(blobSource(weights), {});
  model.loadStateDict(state, { copy: false });
  classifier = { model: model.eval(), classes, transforms: transformFromJSON(transforms) };
  document.title = `${classes.join(', ')}: which is it?`;
  status.textContent = `It tells ${classes.length} classes apart: ${classes.join(', ')}.`;
  choose.disabled = false;
}

function classify(photo: File): Promise<void> {
  return told(async () => {
    if (!classifier) return;
    const { model, classes, transforms } = classifier;
    const decoded = await decodeImage(new Uint8Array(await photo.arrayBuffer()), photo.name, transforms);
    const { data, shape } = transformed(decoded, photo.name, transforms, 0, FIRST_VIEW);
    const logits = await noGrad(() => model.forward(tensor(data, [1, ...shape]))).data();
    const image = make('img', { src: URL.createObjectURL(photo), alt: photo.name });
    image.addEventListener('load', () => URL.revokeObjectURL(image.src), { once: true });
    byId('target').replaceChildren(image);
    showAnswer(classes, [...softmaxRows(logits, classes.length)], true);
  });
}
