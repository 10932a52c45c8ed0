/** Where the real weights and photos are that some tests need: `REGRAFT_DATA`, or `../shared/data` beside the project. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = process.env.REGRAFT_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url));

/** The folder, or undefined where it is absent: tests that need it then skip, by name. */
export const sharedData: string | undefined = existsSync(folder) ? folder : undefined;
