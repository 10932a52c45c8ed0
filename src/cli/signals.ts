/** Ctrl-C and its like end the program by `process.exit`, so that temporary files go with it. */

/** Given the exit code that the signal means. */
type Stop = (code: number) => void;

const CODES = { SIGINT: 130, SIGTERM: 143 } as const;
let stop: Stop = (code) => process.exit(code);

/** Begins to listen. A terminal that is closed ends what writes to it; under `nohup`, which takes the terminal away, nothing may listen. */
export function watchSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) process.on(signal, () => stop(code));
  if (process.stdout.isTTY || process.stderr.isTTY) process.on('SIGHUP', hangUp);
}

/** Cleans up, and ends without `process.exit`, which aborts where it cannot reset a terminal that is gone. */
function hangUp(): void {
  process.emit('exit', 129);
  process.kill(process.pid, 'SIGKILL');
}

/** Lets `own` decide what a signal does, until the function that it returns is called. */
export function onSignal(own: Stop): () => void {
  const before = stop;
  stop = own;
  return () => {
    stop = before;
  };
}
