/** Bodies of URLs as they come: with a limit to their size, and to how long a server may be silent. */
import { causeOf } from '../core/cause.ts';

/** What a body may take unless the caller knows better: more than any weight file in use. */
const LIMIT = 8 * 2 ** 30;
/** How long a server may send nothing, in milliseconds. */
const IDLE = 30_000;
/** In that time this many bytes must come: a server that drips is silent too. */
const LEAST = 1000;

/** Options of {@link fetchBody}. */
export interface BodyOptions {
  /** In bytes, of what comes out of a compressed transfer. */
  readonly limit?: number | undefined;
  /** In milliseconds. */
  readonly idle?: number | undefined;
}

/** A transfer that failed; the message is the reason as a clause. */
export class TransferFault extends Error {
  /** A sentence on what to do about it. */
  readonly fix: string;
  constructor(reason: string, fix: string) {
    super(reason);
    this.fix = fix;
  }
}

/** A body that has begun to come. */
export interface Body {
  /** In bytes, as the server says. */
  readonly announced: number | undefined;
  /** @throws TransferFault */
  readonly chunks: AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
}

/** Asks for `url`; the transfer ends with the last chunk, or when the caller stops to take them. @throws TransferFault */
export async function fetchBody(url: URL | string, { limit = LIMIT, idle = IDLE }: BodyOptions = {}): Promise<Body> {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  // Bytes since the timer was set.
  let fresh = 0;
  const wait = () => {
    clearTimeout(timer);
    fresh = 0;
    timer = setTimeout(() => abort.abort(), idle);
  };
  const end = () => {
    clearTimeout(timer);
    abort.abort();
  };
  const fault = (error: unknown, fix: string) => {
    if (error instanceof TransferFault) return error;
    const came = fresh === 0 ? 'nothing came for' : 'less than 1 kB came in';
    const silent = abort.signal.aborted ? `${came} ${idle / 1000} s` : undefined;
    return new TransferFault(silent ?? causeOf(error), fix);
  };
  const tooLarge = () =>
    new TransferFault(`it sends more than ${limit.toLocaleString('en-US')} bytes`, 'Check the address.');
  async function* chunks(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>) {
    let received = 0;
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        received += next.value.length;
        fresh += next.value.length;
        if (received > limit) throw tooLarge();
        const isEnough = fresh >= LEAST;
        if (isEnough) clearTimeout(timer);
        yield next.value;
        if (isEnough) wait();
      }
    } catch (error) {
      throw fault(error, 'The transfer broke off: try again.');
    } finally {
      end();
    }
  }
  wait();
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || !response.body) throw new TransferFault(answer(response), 'Check the address.');
    const announced = Number(response.headers.get('content-length')) || undefined;
    if (announced !== undefined && announced > limit) throw tooLarge();
    // Safari's streams have no async iterator.
    return { announced, chunks: chunks(response.body.getReader()) };
  } catch (error) {
    const failed = fault(error, 'Check the address and the network.');
    end();
    throw failed;
  }
}

function answer({ status, statusText }: Response): string {
  return `the server answered ${`${status} ${statusText}`.trim()}`;
}
