/** The child process that reads damaged files with the library's readers. */
import { work } from './work.ts';

await work();
