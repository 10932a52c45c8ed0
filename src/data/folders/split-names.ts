/** Names that folders of a split go by: `train`, `Val`, `test_set`, `seg_train`, `unlabeled` … as data sets have them. */

/** What a split is for. */
export type Split = 'train' | 'validation' | 'test' | 'unlabelled';

/** Words that say no more than "a folder of pictures". */
const FILLER =
  '(?:my|all|the|raw|seg|sets?|data|images?|imgs?|photos?|pictures?|pics?|splits?|folders?|dirs?|files?|samples?|labell?ed|resized|cropped)*';

const WORDS: readonly (readonly [Split, string])[] = [
  ['train', 'train|training|trn|trainval'],
  [
    'validation',
    'val|valid|validate|validation|validating|dev|devel|development|eval|evaluate|evaluation|holdout|heldout',
  ],
  ['test', 'test|tests|testing|tst'],
  [
    'unlabelled',
    'unlabell?ed|unlabel|nolabels?|unsup|unsupervised|unannotated|topredict|predict|predictions?|pred|inference',
  ],
];

const PATTERNS = WORDS.map(([split, words]) => [split, new RegExp(`^${FILLER}(?:${words})${FILLER}$`)] as const);

/** The split that a folder's name means; null for a name of another kind. Case, separators and digits do not matter. */
export function splitOf(name: string): Split | null {
  const letters = name.toLowerCase().replace(/[\s\d_.,;+&()[\]{}'-]+/g, '');
  return PATTERNS.find(([, words]) => words.test(letters))?.[0] ?? null;
}

/**
 * The splits that sibling folders are, by name; those of another kind are missing. A beginning or an end that all names share does
 * not count where only names of splits are left without it: `flowers_train`, `flowers_test`.
 */
export function splitsAmong(names: readonly string[]): Map<string, Split> {
  const plain = splitsOf(names, (name) => name);
  if (plain.size === names.length || names.length < 2) return plain;
  const start = sharedStart(names);
  const end = sharedStart(names.map((name) => reversed(name.slice(start))));
  const bare = splitsOf(names, (name) => name.slice(start, name.length - end));
  return bare.size === names.length ? bare : plain;
}

function splitsOf(names: readonly string[], cut: (name: string) => string): Map<string, Split> {
  const found = names.map((name) => [name, splitOf(cut(name))] as const);
  return new Map(found.filter((pair): pair is [string, Split] => pair[1] !== null));
}

const reversed = (text: string) => [...text].reverse().join('');

/** Length of the beginning that all names share, up to its last separator. */
function sharedStart(names: readonly string[]): number {
  const [first = '', ...rest] = names;
  let length = 0;
  while (length < first.length && rest.every((name) => name[length] === first[length])) length++;
  return first.slice(0, length).search(/[^\s_.-]*$/);
}
