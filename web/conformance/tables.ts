/** The tables: a line for each op, and for each row of autograd and of the networks. Lines are there before their results. */
import type { Aspect, Measurement } from '../../test/measurement.ts';
import { byId, make } from '../view/dom.ts';
import type { Group, Planned, Result } from './messages.ts';

interface Kind {
  readonly title: string;
  readonly groups: readonly Group[];
  /** The heading of the first column. */
  readonly first: string;
  readonly aspects: readonly Aspect[];
  /** What shares a line. */
  line(check: Planned): string;
}

const KINDS: readonly Kind[] = [
  {
    title: 'Ops',
    groups: ['ops', 'differences'],
    first: 'Op',
    aspects: ['forward', 'gradient', 'differences'],
    line: ({ subject }) => subject,
  },
  {
    title: 'Autograd',
    groups: ['autograd'],
    first: 'Row',
    aspects: [],
    line: ({ subject, name }) => `${subject}: ${name}`,
  },
  {
    title: 'Networks',
    groups: ['logits', 'training'],
    first: 'Network',
    aspects: ['forward', 'gradient'],
    line: ({ subject, name }) => `${subject}: ${name}`,
  },
];

const HEADINGS: Readonly<Record<Aspect, string>> = {
  forward: 'Forward',
  gradient: 'Gradient',
  differences: 'Slope',
};

/** A line and what is known of it so far. */
class Line {
  readonly element: HTMLTableRowElement;
  readonly #cells: Map<Aspect, HTMLTableCellElement>;
  readonly #verdict = make('td', { className: 'verdict soft', textContent: 'waiting' });
  readonly #worst = new Map<Aspect, Measurement>();
  #planned = 0;
  #passed = 0;
  #failed = 0;
  #rest = 'to go';

  constructor(title: string, aspects: readonly Aspect[]) {
    this.#cells = new Map(aspects.map((aspect) => [aspect, make('td', { className: 'number' }, '–')]));
    const heading = make('th', { scope: 'row' }, ...breakable(title));
    this.element = make('tr', {}, heading, ...this.#cells.values(), this.#verdict);
  }

  plan(): void {
    this.#planned++;
  }

  /** What has not run by now will not. */
  end(): void {
    this.#rest = 'not run';
    this.#showVerdict();
  }

  add({ pass, measurements }: Result): void {
    if (pass) this.#passed++;
    else this.#failed++;
    for (const m of measurements) {
      const before = this.#worst.get(m.aspect);
      if (!before || m.share >= before.share) this.#worst.set(m.aspect, m);
    }
    for (const [aspect, cell] of this.#cells) cell.replaceChildren(...measurementText(this.#worst.get(aspect)));
    this.#showVerdict();
  }

  #showVerdict(): void {
    const [className, text] = this.#verdictText();
    this.#verdict.className = `verdict ${className}`;
    this.#verdict.textContent = text;
  }

  #verdictText(): readonly [className: string, text: string] {
    const [planned, passed, failed] = [this.#planned, this.#passed, this.#failed];
    if (failed) return ['bad', planned === 1 ? 'off' : `${failed} off`];
    if (passed < planned) return ['soft', planned === 1 ? this.#rest : `${planned - passed} ${this.#rest}`];
    return ['good', planned === 1 ? 'pass' : `${planned} pass`];
  }
}

/** The name of an op with places where a narrow column may break it: `adaptive Avg Pool2d`. */
const breakable = (title: string): Node[] =>
  title.split(/(?<=[a-z])(?=[A-Z])/).flatMap((part, i) => [...(i ? [make('wbr')] : []), new Text(part)]);

function measurementText(worst: Measurement | undefined): (Node | string)[] {
  if (!worst) return ['–'];
  if (worst.error === 0) return ['exact'];
  const error = make('span', { className: 'error', textContent: worst.error.toExponential(1) });
  return [error, make('b', { textContent: percent(worst.share) })];
}

/** A share as a percentage: `0 %`, `<0.1 %`, `7.4 %`, `42 %`. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return '∞';
  if (share > 0 && share < 0.001) return '<0.1 %';
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** The tables of one run. */
export class Tables {
  readonly #lines = new Map<string, Line>();

  constructor(checks: readonly Planned[]) {
    const tables = KINDS.flatMap((kind) => {
      const own = checks.filter(({ group }) => kind.groups.includes(group));
      return own.length ? [this.#table(kind, own)] : [];
    });
    byId('tables').replaceChildren(...tables);
  }

  add(result: Result): void {
    const kind = KINDS.find(({ groups }) => groups.includes(result.group))!;
    this.#lines.get(`${kind.title} ${kind.line(result)}`)!.add(result);
  }

  /** Says of every row that has not run that it did not. */
  end(): void {
    for (const line of this.#lines.values()) line.end();
  }

  #table(kind: Kind, checks: readonly Planned[]): HTMLElement {
    const body = make('tbody');
    for (const check of checks) {
      const title = kind.line(check);
      const key = `${kind.title} ${title}`;
      if (!this.#lines.has(key)) {
        const line = new Line(title, kind.aspects);
        this.#lines.set(key, line);
        body.append(line.element);
      }
      this.#lines.get(key)!.plan();
    }
    const column = (textContent: string, className = '') => make('th', { scope: 'col', textContent, className });
    const headings = kind.aspects.map((aspect) => column(HEADINGS[aspect], 'number'));
    const head = make('thead', {}, make('tr', {}, column(kind.first), ...headings, column('Result', 'verdict')));
    const table = make('table', {}, make('caption', { textContent: kind.title }), head, body);
    return make('div', { className: 'results' }, table);
  }
}
