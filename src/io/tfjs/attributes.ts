/** Attributes of TensorFlow's nodes, as protobuf's JSON has them: `{ i: "2" }`, `{ s: base64 }`, `{ list: { i: […] } }`. */
import { isRecord } from '../base/json.ts';
import type { TfNode } from './graph.ts';

const field = ({ attributes }: TfNode, name: string): Record<string, unknown> => {
  const attribute = attributes[name];
  return isRecord(attribute) ? attribute : {};
};

export function intOf(node: TfNode, name: string, otherwise: number): number {
  const { i } = field(node, name);
  const value = Number(i);
  return i === undefined || !Number.isSafeInteger(value) ? otherwise : value;
}

export function floatOf(node: TfNode, name: string, otherwise: number): number {
  const { f } = field(node, name);
  const value = Number(f);
  return f === undefined || Number.isNaN(value) ? otherwise : value;
}

export const boolOf = (node: TfNode, name: string): boolean => field(node, name).b === true;

export function textOf(node: TfNode, name: string, otherwise: string): string {
  const { s } = field(node, name);
  return typeof s === 'string' && s !== '' ? fromBase64(s) : otherwise;
}

export const intsOf = (node: TfNode, name: string): number[] => listOf(node, name, 'i').map(Number);

export const textsOf = (node: TfNode, name: string): string[] =>
  listOf(node, name, 's').map((s) => (typeof s === 'string' ? fromBase64(s) : ''));

function listOf(node: TfNode, name: string, kind: string): readonly unknown[] {
  const { list } = field(node, name);
  const values = isRecord(list) ? list[kind] : undefined;
  return Array.isArray(values) ? values : [];
}

/** Element types by TensorFlow's numbers, which older files have in place of the names. */
const TYPES: Readonly<Record<number, string>> = {
  1: 'DT_FLOAT',
  2: 'DT_DOUBLE',
  3: 'DT_INT32',
  4: 'DT_UINT8',
  9: 'DT_INT64',
  10: 'DT_BOOL',
  19: 'DT_HALF',
};

export function typeOf(node: TfNode, name: string): string {
  const { type } = field(node, name);
  return typeof type === 'number' ? (TYPES[type] ?? `type ${type}`) : String(type ?? 'DT_FLOAT');
}

function fromBase64(text: string): string {
  try {
    return atob(text);
  } catch {
    return text;
  }
}
