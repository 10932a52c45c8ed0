/** An ONNX graph made ready to be a model: what depends on constants alone is computed, weights are told from other constants. */
import { folded, type Program } from '../../io/onnx/program.ts';
import { simplified } from '../../io/onnx/simplify.ts';
import { type Roles, rolesOf } from './roles.ts';

/** A graph whose constants are weights, running statistics and numbers that it computes with. */
export interface PreparedGraph extends Program, Roles {}

export function prepared(read: Program): PreparedGraph {
  const program = simplified(read);
  const { parameters, statistics } = rolesOf(program);
  const left = folded(program, (name) => parameters.has(name) || statistics.has(name));
  return { ...program, ...left, parameters, statistics };
}
