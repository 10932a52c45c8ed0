/** Reads the files that its command line names, one after the other, and prints what each is refused for. */
import { readWeights } from '../../src/io/index.ts';

for (const path of process.argv.slice(2)) {
  const line = await readWeights(path).then(
    (state) => `${path}: ${state.size} tensors`,
    (error: Error) => error.message,
  );
  console.log(line);
}
