/** Prints the table without its functions, as JSON, for scripts/record-op-fixtures.py. */
import { rows } from './cases.ts';

process.stdout.write(JSON.stringify(rows.map(({ op, name, inputs, torch }) => ({ op, name, inputs, torch }))));
