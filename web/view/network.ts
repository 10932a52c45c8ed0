/** Which network, from which weights, and how much of it is trained. */

import { formatCount } from '../../src/core/format.ts';
import type { NetworkChoice, NetworkInfo, OpenedFile, PageState, WeightsChoice } from '../messages.ts';
import { acceptDrops, byId, make } from './dom.ts';

export interface NetworkOptions {
  readonly describe: (model: string) => Promise<NetworkInfo>;
  readonly openFile: (model: string, file: File) => Promise<OpenedFile>;
  readonly changed: () => void;
}

const WHERE = {
  page: 'comes with the page',
  storage: 'stored on this machine',
  publisher: 'downloaded when training starts',
} as const;

/** The sights of a network, from its first layers to its last. */
const SIGHTS = ['edges and colours', 'textures and shapes', 'parts of things', 'whole things'];

/** A stage in words, where `count` of them lead to the head. */
function sightOf(stage: number, count: number): string {
  if (stage === count - 1) return 'the answer: your classes';
  return SIGHTS[Math.floor((stage * SIGHTS.length) / (count - 1))]!;
}

/** The network that is chosen when the page opens: the quickest with published weights. */
const FIRST = 'squeezenet1_1';

export class NetworkView {
  readonly #options: NetworkOptions;
  readonly #model = byId<HTMLSelectElement>('model');
  readonly #range = byId<HTMLInputElement>('unfreeze');
  readonly #plainNote = byId('file-note').textContent;
  #info: NetworkInfo | null = null;
  #file: File | null = null;
  #asked = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#model.addEventListener('change', () => {
      byId('weights-fault').textContent = '';
      if (this.kind === 'file' && this.#file) void this.#open(this.#file);
      else void this.refresh();
    });
    this.#range.addEventListener('input', () => this.#draw());
    const picker = byId<HTMLInputElement>('weights-file');
    const choose = () => picker.click();
    byId('open-weights').addEventListener('click', choose);
    picker.addEventListener('change', () => {
      const [file] = picker.files ?? [];
      picker.value = '';
      if (file) void this.#open(file);
    });
    acceptDrops(byId('network'), ([file]) => file && void this.#open(file));
    for (const radio of this.#radios())
      radio.addEventListener('change', () => {
        byId('weights-fault').textContent = '';
        if (radio.value === 'file' && !this.#file) choose();
        if (radio.value === 'random') this.#unfreeze(Number.POSITIVE_INFINITY);
        this.#draw();
        this.#options.changed();
      });
  }

  /** Fills the list. */
  offer(networks: readonly NetworkChoice[]): void {
    this.#model.replaceChildren(
      ...networks.map(({ name, title }) => make('option', { value: name, textContent: title })),
    );
    this.#model.value = FIRST;
  }

  get model(): string {
    return this.#model.value;
  }

  get kind(): WeightsChoice['kind'] {
    return (this.#radios().find((radio) => radio.checked)?.value ?? 'published') as WeightsChoice['kind'];
  }

  /** null where a file is to be used and none is open. */
  get weights(): WeightsChoice | null {
    const { kind } = this;
    if (kind === 'file') return this.#file && { kind, file: this.#file };
    return { kind };
  }

  /** Why training cannot start, or null. */
  get missing(): string | null {
    return this.weights ? null : 'Open a weight file, or choose other weights.';
  }

  /** The path of the first stage that is trained. */
  get freezeUntil(): string {
    const stages = this.#info?.stages ?? [];
    return stages[stages.length - 1 - Number(this.#range.value)]?.path ?? '';
  }

  /** Asks about the network anew: it, or the number of classes, has changed. */
  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    const info = await this.#options.describe(this.model);
    if (asked !== this.#asked) return;
    const other = info.model !== this.#info?.model;
    this.#info = info;
    this.#tree(info);
    this.#range.max = String(info.stages.length - 1);
    if (other && this.kind !== 'random') this.#range.value = '0';
    const [published] = this.#radios();
    published!.disabled = info.published === null;
    if (published!.disabled && published!.checked) this.#choose(this.#file ? 'file' : 'random');
    byId('published').textContent = info.published
      ? `${info.published.name}, ${info.published.megabytes.toFixed(1)} MB, ${WHERE[info.published.where]}`
      : 'there are none for this network';
    this.#draw();
  }

  /** For the sample run. */
  async set(model: string, weights: WeightsChoice['kind']): Promise<void> {
    byId('weights-fault').textContent = '';
    this.#model.value = model;
    this.#choose(weights);
    await this.refresh();
    if (weights === 'random') this.#unfreeze(Number.POSITIVE_INFINITY);
    this.#draw();
  }

  /** As an earlier visit left it. */
  async restore({ model, weights, freezeUntil }: PageState, file: File | null): Promise<void> {
    this.#model.value = model;
    if (weights === 'file' && file) await this.#open(file);
    else {
      this.#choose(weights === 'file' ? 'published' : weights);
      await this.refresh();
    }
    const stages = this.#info?.stages ?? [];
    const first = stages.findIndex(({ path }) => path === freezeUntil);
    if (first >= 0) this.#unfreeze(stages.length - 1 - first);
    this.#draw();
  }

  async #open(file: File): Promise<void> {
    const fault = byId('weights-fault');
    const note = byId('file-note');
    fault.textContent = '';
    note.textContent = `Reading ${file.name} …`;
    this.#choose('file');
    try {
      const { model, tensors, notes } = await this.#options.openFile(this.model, file);
      this.#file = file;
      const moved = model !== this.model;
      this.#model.value = model;
      note.textContent = `${file.name}: ${tensors} tensors${moved ? `; it fits ${model}, which is chosen now` : ''}. ${notes.join(' ')}`;
      await this.refresh();
    } catch (error) {
      this.#file = null;
      note.textContent = this.#plainNote;
      fault.textContent = (error as Error).message;
    }
    this.#options.changed();
  }

  #radios(): HTMLInputElement[] {
    return [...document.querySelectorAll<HTMLInputElement>('input[name=weights]')];
  }

  #choose(kind: string): void {
    for (const radio of this.#radios()) radio.checked = radio.value === kind;
  }

  #unfreeze(stages: number): void {
    const max = (this.#info?.stages.length ?? 1) - 1;
    this.#range.value = String(Math.min(max, stages));
  }

  /** The module tree: a stage a line, its layers inside. */
  #tree(info: NetworkInfo): void {
    const open = new Set([...byId('stages').querySelectorAll('details[open] b')].map((b) => b.textContent));
    byId('stages').replaceChildren(
      ...info.stages.map(({ path, parameters, layers }, stage) =>
        make(
          'li',
          {},
          make(
            'details',
            { open: open.has(path) },
            make(
              'summary',
              {},
              make(
                'span',
                {},
                make('b', { textContent: path }),
                make('small', { textContent: sightOf(stage, info.stages.length) }),
              ),
              make('span', { textContent: formatCount(parameters) }),
              make('span', { className: 'state' }),
            ),
            make(
              'ul',
              { tabIndex: 0, attributes: { 'aria-label': `Layers of ${path}` } },
              ...layers.map((layer) =>
                make(
                  'li',
                  {},
                  make('code', { textContent: layer.path }),
                  make('span', { className: 'type', textContent: layer.type }),
                  make('span', { textContent: formatCount(layer.parameters) }),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  #draw(): void {
    const info = this.#info;
    if (!info) return;
    const first = info.stages.length - 1 - Number(this.#range.value);
    for (const [i, item] of [...byId('stages').children].entries()) {
      item.className = i >= first ? 'trained' : '';
      item.querySelector('.state')!.textContent = i >= first ? 'trained' : 'frozen';
    }
    const { path, trainable } = info.stages[first]!;
    const share = (100 * trainable) / info.parameters;
    byId('trainable').replaceChildren(
      make('b', { textContent: formatCount(trainable) }),
      ` of ${formatCount(info.parameters)} parameters are trained (${share < 1 ? share.toFixed(2) : share.toFixed(0)}\u00a0%).`,
    );
    const text = first === 0 ? 'everything' : first === info.stages.length - 1 ? 'the head only' : `from ${path} on`;
    this.#range.setAttribute('aria-valuetext', `${text}, ${formatCount(trainable)} parameters trained`);
  }
}
