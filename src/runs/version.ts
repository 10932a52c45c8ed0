/** regraft's version, from its package.json. */
import { createRequire } from 'node:module';

/** As in '0.1.0'. */
export const version: string = (createRequire(import.meta.url)('#package') as { version: string }).version;
