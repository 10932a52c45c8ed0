/** Ctrl-C and its like end the program by `process.exit`, so that temporary files go with it. */

/** Given the exit code that the signal means. */
type Stop = (code: number) => void;

const CODES = { SIGINT: 130, SIGTERM: 143 } as const;
let stop: Stop = (code) => process.exit(code);

/** Begins to listen. */
export function watchSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) process.on(signal, () => stop(code));
}

/** Lets `own` decide what a signal does, until the function that it returns is called. */
export function onSignal(own: Stop): () => void {
  const before = stop;
  stop = own;
  return () => {
    stop = before;
  };
}
