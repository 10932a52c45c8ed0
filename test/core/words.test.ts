/** Faults of the system in words, and names from outside on a terminal. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { causeOf } from '../../src/core/cause.ts';
import { oneLine, printable, printableJson } from '../../src/core/printable.ts';

const systemFault = (code: string, message: string) => Object.assign(new Error(message), { code });

describe('causeOf', () => {
  test('the system’s codes are words', () => {
    expect(causeOf(systemFault('ENOSPC', "ENOSPC: no space left on device, write '/a'"))).toBe('the disk is full');
    expect(causeOf(systemFault('EROFS', 'EROFS: read-only file system, mkdir'))).toBe('the disk is read-only');
    try {
      readFileSync('/no/such/file');
    } catch (error) {
      expect(causeOf(error)).toBe('there is no such file');
    }
  });

  test('a code without words leaves the system’s, without code, call and path', () => {
    expect(causeOf(systemFault('EBADF', "EBADF: bad file descriptor, read '/tmp/x'"))).toBe('bad file descriptor');
    expect(causeOf(systemFault('EBADF', 'EBADF: bad file descriptor, read'))).toBe('bad file descriptor');
  });

  test('fetch hides the cause in another error', () => {
    const refused = systemFault('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1');
    expect(causeOf(new TypeError('fetch failed', { cause: refused }))).toBe('the server refuses connections');
    expect(causeOf('a word')).toBe('a word');
  });
});

describe('what goes to a terminal', () => {
  const name = '\u001b]0;title\u0007ants\u009b31m \u202ebees\u2066';

  test('controls and direction marks are escaped; letters of any script are not', () => {
    expect(printable(name)).toBe('\\u001b]0;title\\u0007ants\\u009b31m \\u202ebees\\u2066');
    expect(printable('Ameise 蟻 نملة 🐜 94.1\u00a0%')).toBe('Ameise 蟻 نملة 🐜 94.1 %');
    expect(printable('a\nb')).toBe('a\\u000ab');
    expect(oneLine(' a \r\n b\u001b ')).toBe('a b\\u001b');
  });

  test('JSON stays exact', () => {
    const json = printableJson(JSON.stringify({ name, lines: 'a\nb' }, null, 2));
    for (const control of ['\u001b', '\u0007', '\u009b', '\u202e']) expect(json).not.toContain(control);
    expect(JSON.parse(json)).toEqual({ name, lines: 'a\nb' });
  });
});
