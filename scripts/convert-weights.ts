/** Converts a weight file: `npx tsx --conditions=regraft-source scripts/convert-weights.ts IN OUT [--dtype float16] [--key model]`. */
import { parseArgs } from 'node:util';
import { RegraftError } from '../src/core/errors.ts';
import { type ConvertOptions, convert, type FloatDType, formatReport } from '../src/io/index.ts';

const USAGE = 'Usage: convert-weights.ts IN OUT [--dtype float32|float16|bfloat16] [--key NAME] [--json]';

function parse(): { input: string; output: string; json: boolean; options: ConvertOptions } | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { dtype: { type: 'string' }, key: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    const [input, output, ...rest] = positionals;
    const dtypeKnown = values.dtype === undefined || ['float32', 'float16', 'bfloat16'].includes(values.dtype);
    if (input === undefined || output === undefined || rest.length > 0 || !dtypeKnown) return undefined;
    const options: ConvertOptions = {};
    if (values.dtype !== undefined) options.dtype = values.dtype as FloatDType;
    if (values.key !== undefined) options.key = values.key;
    return { input, output, json: values.json, options };
  } catch {
    return undefined;
  }
}

const args = parse();
if (!args) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    const report = await convert(args.input, args.output, args.options);
    console.log(args.json ? JSON.stringify(report) : formatReport(report));
  } catch (error) {
    if (!(error instanceof RegraftError)) throw error;
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  }
}
