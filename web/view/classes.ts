/** The classes and their photos: naming, dropping, picking, recording, removing. */
import { plural } from '../../src/core/format.ts';
import type { PageState, WorkerEvent } from '../messages.ts';
import { acceptDrops, byId, droppedPaths, make } from './dom.ts';
import { keepStop, wireRoving } from './roving.ts';

interface Photo {
  readonly id: number;
  readonly file: File;
  /** Not to learn from, but to test with: it came from the validation part of a folder. */
  readonly heldOut: boolean;
  item: HTMLLIElement | null;
  usable: boolean;
}

interface Group {
  name: string;
  readonly photos: Map<number, Photo>;
  readonly card: HTMLElement;
  readonly field: HTMLInputElement;
  readonly list: HTMLUListElement;
  readonly hint: HTMLParagraphElement;
  readonly count: HTMLSpanElement;
  readonly faults: HTMLParagraphElement;
}

export interface ClassesOptions {
  readonly add: (photos: { id: number; file: File }[]) => void;
  readonly remove: (ids: number[]) => void;
  /** Grad-CAM over a photo. */
  readonly look: (photo: number, name: string) => void;
  /** Opens the camera for a class; each frame comes as a file. */
  readonly record: (name: string, onFile: (file: File) => void) => void;
  readonly changed: () => void;
}

const isImage = (file: File) => file.type.startsWith('image/') || /\.(ppm|pgm|bmp|tiff?)$/i.test(file.name);

export class ClassesView {
  readonly #options: ClassesOptions;
  readonly #groups: Group[] = [];
  readonly #owners = new Map<number, Group>();
  #next = 0;
  #explainable = false;

  constructor(options: ClassesOptions) {
    this.#options = options;
    byId('add-class').addEventListener('click', () => this.addClass().field.select());
    const folder = byId<HTMLInputElement>('folder');
    byId('open-folder').addEventListener('click', () => folder.click());
    folder.addEventListener('change', () => {
      void this.#addTree([...(folder.files ?? [])]);
      folder.value = '';
    });
    acceptDrops(byId('photos'), (files) => void this.#addTree(files));
    this.reset();
  }

  /** Names and usable photos, for training. */
  get classes(): { name: string; photos: number[] }[] {
    return this.#groups.map(({ name, photos }) => ({
      name,
      photos: [...photos.values()].filter((p) => p.usable).map((p) => p.id),
    }));
  }

  /** Names and all photos, looked at or not. */
  get listed(): { name: string; photos: number[] }[] {
    return this.#groups.map(({ name, photos }) => ({ name, photos: [...photos.keys()] }));
  }

  /** The photos to test with, where a folder said which. */
  get heldOut(): number[] {
    return this.#groups.flatMap(({ photos }) => [...photos.values()].filter((p) => p.heldOut).map((p) => p.id));
  }

  /** Why training cannot start, or null. */
  get missing(): string | null {
    const { classes } = this;
    const heldOut = new Set(this.heldOut);
    const few = classes.find(({ photos }) => photos.length < 2);
    const none = classes.find(({ photos }) => photos.every((id) => heldOut.has(id)));
    if (classes.length < 2) return 'Add a second class, then press Train.';
    if (classes.every(({ photos }) => photos.length === 0)) return 'Add photos, then press Train.';
    if (heldOut.size > 0 && none) return `“${none.name}” needs a photo to learn from, beside those that are held out.`;
    if (heldOut.size === 0 && few) return `“${few.name}” needs at least two photos.`;
    const names = classes.map((c) => c.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    return twice === undefined ? null : `Two classes are called “${twice}”. Rename one.`;
  }

  /** Whether some photos have not been looked at yet. */
  get pending(): boolean {
    return this.#groups.some(({ photos }) => [...photos.values()].some((p) => !p.usable));
  }

  /** Whether a click on a photo shows what the network sees in it. */
  set explainable(flag: boolean) {
    this.#explainable = flag;
    for (const look of byId('classes').querySelectorAll<HTMLButtonElement>('.peek')) look.disabled = !flag;
  }

  /** Every photo, for a new Worker. */
  get photos(): { id: number; file: File }[] {
    return this.#groups.flatMap(({ photos }) => [...photos.values()].map(({ id, file }) => ({ id, file })));
  }

  addClass(name?: string): Group {
    const taken = new Set(this.#groups.map((g) => g.name));
    let number = this.#groups.length + 1;
    while (taken.has(`Class ${number}`)) number++;
    const group = this.#card(name ?? `Class ${number}`);
    this.#groups.push(group);
    byId('classes').append(group.card);
    this.#options.changed();
    return group;
  }

  /**
   * Puts files into the class of that name, which is made if needed. Empty classes of the start make room.
   * @param heldOut those to test with
   */
  addTo(name: string, files: readonly File[], heldOut: readonly File[] = []): void {
    let group = this.#groups.find((g) => g.name === name);
    if (!group) {
      group = this.#groups.find((g) => g.photos.size === 0 && /^Class \d+$/.test(g.name));
      if (group) this.#rename(group, name);
      else group = this.addClass(name);
    }
    this.#add(group, files, heldOut);
  }

  /** What an earlier visit left: photos with the ids that they had. */
  restore({ classes, heldOut }: Pick<PageState, 'classes' | 'heldOut'>, files: ReadonlyMap<number, File>): void {
    this.clear();
    this.#next = 1 + Math.max(-1, ...files.keys());
    const held = new Set(heldOut);
    for (const { name, photos } of classes) {
      const known = photos.flatMap((id) => {
        const file = files.get(id);
        return file ? [{ id, file, heldOut: held.has(id) }] : [];
      });
      this.#insert(this.addClass(name), known);
    }
  }

  /** Two empty classes, as at the start. */
  reset(): void {
    this.clear();
    this.addClass();
    this.addClass();
  }

  /** Removes everything. */
  clear(): void {
    byId('folder-note').textContent = '';
    for (const group of [...this.#groups]) this.#removeClass(group);
  }

  /** What the Worker found out about a photo. */
  seen({ id, thumbnail, reason }: WorkerEvent & { event: 'photo' }): void {
    const group = this.#owners.get(id);
    const photo = group?.photos.get(id);
    if (!group || !photo) return;
    if (reason !== null) {
      group.photos.delete(id);
      photo.item?.remove();
      group.faults.textContent = [group.faults.textContent, reason].filter(Boolean).join('\n');
    } else {
      photo.usable = true;
      const image = make('img', { src: URL.createObjectURL(thumbnail!), alt: '', decoding: 'async' });
      image.addEventListener('load', () => URL.revokeObjectURL(image.src), { once: true });
      photo.item?.querySelector('.peek')?.replaceChildren(image);
    }
    this.#count(group);
  }

  #card(name: string): Group {
    const field = make('input', {
      type: 'text',
      value: name,
      maxLength: 80,
      attributes: { 'aria-label': 'Name of the class' },
    });
    const count = make('span', { className: 'soft', textContent: 'no photos' });
    const remove = make('button', {
      type: 'button',
      className: 'icon',
      textContent: '×',
      attributes: { 'aria-label': `Remove class ${name}` },
    });
    const list = make('ul', { attributes: { 'aria-label': `Photos of ${name}` } });
    wireRoving(list);
    const hint = make('p', { textContent: 'Drop photos here' });
    const picker = make('input', {
      type: 'file',
      multiple: true,
      accept: 'image/*',
      hidden: true,
      tabIndex: -1,
      attributes: { 'aria-hidden': 'true' },
    });
    const choose = make('button', { type: 'button', textContent: 'Choose photos' });
    const record = make('button', { type: 'button', textContent: 'Camera' });
    const faults = make('p', { className: 'fault faults', attributes: { role: 'alert' } });
    faults.style.whiteSpace = 'pre-line';
    const card = make(
      'article',
      { className: 'class', attributes: { 'aria-label': name } },
      make('div', { className: 'class-head' }, field, count, remove),
      make('div', { className: 'photos' }, hint, list),
      make('div', { className: 'row' }, choose, record, picker),
      faults,
    );
    const group: Group = { name, photos: new Map(), card, field, list, hint, count, faults };
    field.addEventListener('change', () => this.#rename(group, field.value.trim() || group.name));
    remove.addEventListener('click', () => {
      this.#removeClass(group);
      byId('add-class').focus();
    });
    choose.addEventListener('click', () => picker.click());
    picker.addEventListener('change', () => {
      this.#add(group, [...(picker.files ?? [])]);
      picker.value = '';
    });
    record.addEventListener('click', () => this.#options.record(group.name, (file) => this.#add(group, [file])));
    acceptDrops(card, (files) =>
      this.#add(
        group,
        files.filter((file) => isImage(file) || files.length === 1),
      ),
    );
    return group;
  }

  /** Files from folders go to the classes that the folders are; loose ones to the first class. */
  async #addTree(files: readonly File[]): Promise<void> {
    const note = byId('folder-note');
    const pathOf = (file: File) => file.webkitRelativePath || droppedPaths.get(file) || file.name;
    const inFolders = files.filter((file) => pathOf(file).includes('/'));
    const loose = files.filter((file) => !inFolders.includes(file) && isImage(file));
    try {
      const { folderFiles } = await import('./folder-files.ts');
      const { classes, notes } = folderFiles(new Map(inFolders.map((file) => [pathOf(file), file])));
      note.textContent = notes.join(' ');
      for (const [name, { train, validation }] of classes) this.addTo(name, train, validation);
    } catch (error) {
      note.textContent = (error as Error).message;
    }
    if (loose.length > 0) this.addTo(this.#groups[0]?.name ?? 'Class 1', loose);
  }

  /** Takes back the words about files that could not be used: they are not among the photos. */
  clearFaults(): void {
    for (const { faults } of this.#groups) faults.textContent = '';
  }

  #add(group: Group, files: readonly File[], heldOut: readonly File[] = []): void {
    if (files.length + heldOut.length === 0) return;
    this.clearFaults();
    this.#insert(group, [
      ...files.map((file) => ({ id: this.#next++, file, heldOut: false })),
      ...heldOut.map((file) => ({ id: this.#next++, file, heldOut: true })),
    ]);
  }

  #insert(group: Group, files: readonly { id: number; file: File; heldOut: boolean }[]): void {
    const photos = files.map(({ id, file, heldOut }): Photo => {
      const look = make('button', {
        type: 'button',
        className: 'peek',
        tabIndex: -1,
        disabled: !this.#explainable,
        attributes: { 'aria-label': `Where the network looks in ${file.name}${heldOut ? ', held out' : ''}` },
      });
      look.addEventListener('click', () => this.#options.look(id, file.name));
      const remove = make('button', {
        type: 'button',
        className: 'remove',
        tabIndex: -1,
        textContent: '×',
        attributes: { 'aria-label': `Remove ${file.name}` },
      });
      remove.addEventListener('click', () => this.#remove(group, id));
      const item = make('li', { className: heldOut ? 'held-out' : '' }, look, remove);
      const photo = { id, file, heldOut, item, usable: false };
      group.photos.set(id, photo);
      this.#owners.set(id, group);
      return photo;
    });
    group.list.append(...photos.map((p) => p.item!));
    this.#count(group);
    this.#options.add(photos.map(({ id, file }) => ({ id, file })));
  }

  #remove(group: Group, id: number): void {
    const item = group.photos.get(id)?.item;
    const next = (item?.nextElementSibling ?? item?.previousElementSibling)?.querySelector<HTMLButtonElement>(
      '.remove',
    );
    item?.remove();
    this.clearFaults();
    group.photos.delete(id);
    this.#owners.delete(id);
    this.#count(group);
    this.#options.remove([id]);
    (next ?? group.field).focus();
  }

  #removeClass(group: Group): void {
    this.clearFaults();
    group.card.remove();
    this.#groups.splice(this.#groups.indexOf(group), 1);
    for (const id of group.photos.keys()) this.#owners.delete(id);
    this.#options.remove([...group.photos.keys()]);
    this.#options.changed();
  }

  #rename(group: Group, name: string): void {
    group.name = name;
    group.field.value = name;
    group.card.setAttribute('aria-label', name);
    group.list.setAttribute('aria-label', `Photos of ${name}`);
    group.card.querySelector('.icon')?.setAttribute('aria-label', `Remove class ${name}`);
    this.#options.changed();
  }

  #count(group: Group): void {
    const { size } = group.photos;
    const held = [...group.photos.values()].filter((p) => p.heldOut).length;
    group.count.textContent = [
      size === 0 ? 'no photos' : plural(size, 'photo'),
      ...(held > 0 ? [`${held} held out`] : []),
    ].join('\n');
    group.hint.hidden = size > 0;
    keepStop(group.list);
    this.#options.changed();
  }
}
