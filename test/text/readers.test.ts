/** Readers of CoNLL's and SQuAD's files, and the windows of a long text. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { answerWindows, openTokenizer, readConll, readSquad } from '../../src/text/index.ts';
import { sharedData } from '../shared-data.ts';
import { FIXTURES } from './fixtures.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

async function faultOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'none';
}

describe('CoNLL', () => {
  test('tabs or spaces, documents, line ends, a mark at the beginning', async () => {
    const tabs = await readConll(bytes('\ufeff-DOCSTART-\tO\r\n\r\nNew York\tB-LOC\r\n is \tO\r\n\r\n \t\r\nHi\tO'));
    expect(tabs).toEqual({
      sentences: [
        { tokens: ['New York', 'is'], tags: ['B-LOC', 'O'], line: 3 },
        { tokens: ['Hi'], tags: ['O'], line: 7 },
      ],
      tags: ['B-LOC', 'O'],
      longest: 2,
    });
    const spaces = 'EU NNP I-NP B-ORG\nrejects VBZ I-VP O\n';
    expect((await readConll(bytes(spaces))).sentences[0]!.tags).toEqual(['B-ORG', 'O']);
    expect((await readConll(bytes(spaces), { tagColumn: 1 })).tags).toEqual(['NNP', 'VBZ']);
    const wide = new Uint8Array([
      0xff,
      0xfe,
      ...new Uint8Array(Uint16Array.from('é\tO', (c) => c.charCodeAt(0)).buffer),
    ]);
    expect((await readConll(wide)).sentences[0]!.tokens).toEqual(['é']);
  });

  test.each([
    ['a\tO\nb\n', 'DataError: bytes: line 2 has one column: expected a token and its tag.'],
    [
      'a\tX\tO\nb\tO\n',
      'DataError: bytes: line 2 has 2 columns, those before have 3. An empty line separates sentences.',
    ],
    ['a\tO\n\tO\n', 'DataError: bytes: line 2 has no token in column 0.'],
    ['a\tO\nb\t\n', 'DataError: bytes: line 2 has no tag in column -1.'],
    ['\n\n', 'DataError: bytes: has no sentences. Expected a token and its tag a line.'],
  ])('%j', async (text, message) => {
    expect(await faultOf(() => readConll(bytes(text)))).toBe(message);
  });

  test('a file that is not there, or no text', async () => {
    expect(await faultOf(() => readConll('/no/such.conll'))).toBe(
      'DataError: /no/such.conll: there is no such file. Check the path.',
    );
    expect(await faultOf(() => readConll(Uint8Array.of(0x61, 0xe9)))).toBe(
      'DataError: bytes: is not UTF-8. Save it as UTF-8.',
    );
  });
});

const squad = (answers: unknown, context = '😀 Paris is large.', more: object = {}) =>
  bytes(
    JSON.stringify({
      version: '2.0',
      data: [{ title: 'T', paragraphs: [{ context, qas: [{ id: 'q', question: 'Which?', answers, ...more }] }] }],
    }),
  );

describe('SQuAD', () => {
  test('starts count characters, or units where they fit those alone', async () => {
    const [characters] = await readSquad(squad([{ text: 'Paris', answer_start: 2 }]));
    expect(characters).toEqual({
      id: 'q',
      title: 'T',
      question: 'Which?',
      context: '😀 Paris is large.',
      answers: [{ text: 'Paris', start: 3 }],
    });
    const [units] = await readSquad(squad([{ text: 'Paris', answer_start: 3 }]));
    expect(units!.answers).toEqual([{ text: 'Paris', start: 3 }]);
    const [none] = await readSquad(squad([{ text: 'x', answer_start: 90 }], 'No.', { is_impossible: true }));
    expect(none!.answers).toEqual([]);
  });

  test.each<[string, Uint8Array, string]>([
    ['no JSON', bytes('{'), 'is no valid JSON. It is truncated or damaged: get it again.'],
    ['another form', bytes('[]'), "data must be a list, as in SQuAD's files."],
    ['no paragraphs', bytes('{"data":[{}]}'), "data.0.paragraphs must be a list, as in SQuAD's files."],
    [
      'no context',
      bytes('{"data":[{"paragraphs":[{}]}]}'),
      "data.0.paragraphs.0.context must be a text, as in SQuAD's files.",
    ],
    ['no questions', bytes('{"data":[]}'), 'has no questions.'],
    [
      'an answer elsewhere',
      squad([{ text: 'Paris', answer_start: 5 }]),
      "question q: the answer 'Paris' is not at 5 of its context, where 'is is' is. answer_start counts characters from 0.",
    ],
    [
      'a start that is none',
      squad([{ text: 'Paris' }]),
      'question q: answer_start must be a whole number, 0 or more, got undefined.',
    ],
  ])('%s', async (_, file, message) => {
    expect(await faultOf(() => readSquad(file))).toBe(`DataError: bytes: ${message}`);
  });
});

test('windows of a long text: the answer is in those that have all of it', async () => {
  const tokenizer = await openTokenizer(`${FIXTURES}bert`);
  const context = `${'the quick brown fox. '.repeat(12)}😀 the lazy dog ${'jumps over the children. '.repeat(12)}`;
  const text = 'lazy dog';
  const question = { question: '  Who jumps?', context, answers: [{ text, start: context.indexOf(text) }] };
  const found = answerWindows(tokenizer, question, { maxLength: 40, stride: 10 });
  expect(found.length).toBeGreaterThan(4);
  const answered = found.filter(({ last }) => last > 0);
  expect(answered.length).toBeGreaterThan(0);
  for (const { encoding, first, last } of answered) {
    expect(context.slice(encoding.offsets[first]![0], encoding.offsets[last]![1])).toBe(text);
    expect(encoding.sequences[first]).toBe(1);
  }
  expect(found.every(({ encoding }) => encoding.ids.length <= 40 && encoding.tokens[1] === 'who')).toBe(true);
  const [without] = answerWindows(tokenizer, { ...question, answers: [] }, { maxLength: 40, stride: 10 });
  expect([without!.first, without!.last]).toEqual([0, 0]);
  expect(await faultOf(() => answerWindows(tokenizer, question, { maxLength: 16, stride: 14 }))).toMatch(
    /^ArgumentError: encode: windows have room for \d+ tokens of the text, but stride is 14\. Lower it, or raise maxLength\.$/,
  );
});

describe.skipIf(!sharedData)('real files (needs REGRAFT_DATA)', () => {
  const at = (name: string) => join(sharedData!, 'text_data', name);

  test('WNUT 17: sentences and tags', async () => {
    const train = await readConll(at('wnut17/wnut17train.conll'));
    expect(train.sentences.length).toBe(3394);
    expect(train.tags.length).toBe(13);
    expect((await readConll(at('wnut17/emerging.dev.conll'))).sentences.length).toBe(1009);
    expect((await readConll(at('wnut17/emerging.test.annotated'))).sentences.length).toBe(1287);
  });

  test('XQuAD: every answer is whole in a window', async () => {
    const tokenizer = await openTokenizer(join(sharedData!, 'text/minilm'));
    const questions = await readSquad(at('xquad/xquad.en.json'));
    expect(questions.length).toBe(1190);
    const texts = questions.map((question) => {
      const found = answerWindows(tokenizer, question, { maxLength: 160, stride: 64 }).find(({ last }) => last > 0);
      const { encoding, first, last } = found!;
      return question.context.slice(encoding.offsets[first]![0], encoding.offsets[last]![1]);
    });
    const other = questions.filter(({ answers }, i) => answers[0]!.text !== texts[i]);
    // Answers that begin or end inside of a token.
    expect(other.length).toBeLessThan(12);
    expect(
      other.every(({ id, answers }) => texts[questions.findIndex((one) => one.id === id)]!.includes(answers[0]!.text)),
    ).toBe(true);
  });
});
