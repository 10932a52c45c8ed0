/** The verdict of the last check of this GPU, kept in this browser, so that the page can show it beside the link. */
const KEY = 'regraft conformance';

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  /** ISO 8601. */
  readonly date: string;
}

/** A browser that keeps nothing shows nothing. */
export function keepVerdict(verdict: Verdict): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(verdict));
  } catch {
    // Storage is off for this origin.
  }
}

/** ': all 882 rows passed on 29 Nov 2026', or '' where nothing was checked. */
export function lastVerdict(): string {
  try {
    const { passed, failed, date } = JSON.parse(localStorage.getItem(KEY)!) as Verdict;
    const day = new Date(date).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
    const rows = failed > 0 ? `${failed} of ${passed + failed} rows were off` : `all ${passed} rows passed`;
    return `: ${rows} on ${day}`;
  } catch {
    return '';
  }
}
