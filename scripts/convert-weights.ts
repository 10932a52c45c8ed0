/** `regraft convert` from a checkout: `npx tsx --conditions=regraft-source scripts/convert-weights.ts IN OUT [options]`. */
process.argv.splice(2, 0, 'convert');
await import('../src/cli/main.ts');
