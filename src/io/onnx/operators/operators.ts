/** ONNX's operators by their names. https://github.com/onnx/onnx/blob/main/docs/Operators.md */
import type { NodeProto } from '../schema.ts';
import type { Rule } from './call.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { INDICES } from './indices.ts';
import { MOVEMENT } from './movement.ts';
import { NORMS } from './norms.ts';
import { PRODUCTS } from './products.ts';
import { QUANTIZED } from './quantized.ts';
import { REDUCTIONS } from './reductions.ts';
import { RESIZES } from './resize.ts';
import { WINDOWS } from './windows.ts';

const RULES: Readonly<Record<string, Rule>> = {
  ...ELEMENTWISE,
  ...WINDOWS,
  ...PRODUCTS,
  ...NORMS,
  ...REDUCTIONS,
  ...MOVEMENT,
  ...INDICES,
  ...RESIZES,
  ...QUANTIZED,
};

/** Domains whose operators of these names mean the same: ONNX's own by its two names, and what ONNX Runtime adds. */
const DOMAINS: Readonly<Record<string, readonly string[] | undefined>> = {
  '': undefined,
  'ai.onnx': undefined,
  'com.microsoft': ['Gelu', 'QuantizeLinear', 'DequantizeLinear', 'MatMulInteger', 'FusedMatMul'],
};

/** How a node is computed; undefined if its operator is none that is known here. */
export function ruleOf({ domain, opType }: Pick<NodeProto, 'domain' | 'opType'>): Rule | undefined {
  if (!Object.hasOwn(DOMAINS, domain) || !Object.hasOwn(RULES, opType)) return undefined;
  const known = DOMAINS[domain];
  return known === undefined || known.includes(opType) ? RULES[opType] : undefined;
}
