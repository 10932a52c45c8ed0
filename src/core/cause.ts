/** Faults of the system in words: nobody needs to know what ENOSPC is. */

/** Clauses that follow `cannot be read:`, by the system's code. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it would be larger than the system allows',
  EMFILE: 'too many files are open at once',
  ENFILE: 'too many files are open at once',
  ENOMEM: 'there is not enough memory',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EEXIST: 'it exists already',
  ENOTEMPTY: 'the folder is not empty',
  EBUSY: 'another program uses it',
  ETXTBSY: 'another program uses it',
  EXDEV: 'it lies on another disk',
  EIO: 'the disk reported a fault',
  ESTALE: 'the network folder has changed or is gone',
  ENXIO: 'there is no such device',
  ENODEV: 'there is no such device',
  EINVAL: 'the system does not allow it there',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GB',
  ECONNREFUSED: 'the server refuses connections',
  ECONNRESET: 'the server broke the connection off',
  EPIPE: 'the reader is gone',
  UND_ERR_SOCKET: 'the server broke the connection off',
  ENOTFOUND: "the server's name is unknown",
  EAI_AGAIN: "the server's name cannot be looked up",
  ETIMEDOUT: 'the server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'the server does not answer',
  UND_ERR_BODY_TIMEOUT: 'the server sends nothing more',
  EHOSTUNREACH: 'the server cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  EADDRINUSE: 'it is taken',
  EADDRNOTAVAIL: 'this machine does not have the address',
};

/** The cause of a fault as a clause without a full stop: the system's codes in words, else the message; of `fetch`, its own cause. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : error;
  const words = WORDS[codeOf(cause) ?? ''];
  if (words) return words;
  // `ESOMETHING: words of the system, open '/a/path'`
  return (cause.message || error.message).replace(/^E[A-Z0-9]+: (.*?)(, \w+( '.*')?)?$/s, '$1').replace(/\.$/, '');
}

/** The system's code of a fault: `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
