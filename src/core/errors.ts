/**
 * Every error that regraft throws on purpose. Messages read `op: what was expected, got the values. Then the fix.`
 * Classes carry what a program would want to read (`op`, `shapes`, `path`), so nobody has to parse a message.
 */

/** The common ancestor: `error instanceof RegraftError` tells a fault in the input from a bug. */
export class RegraftError extends Error {
  override name = 'RegraftError';
}

/** Shapes, axes or dtypes that an op cannot take. Modules put their path in front as the error travels up. */
export class ShapeError extends RegraftError {
  override name = 'ShapeError';
  readonly op: string;
  readonly shapes: readonly (readonly number[])[];
  /** The module it came from, as `layer4.0.conv1`; '' outside of modules. */
  path = '';
  constructor(op: string, detail: string, shapes: readonly (readonly number[])[] = []) {
    super(`${op}: ${detail}`);
    this.op = op;
    this.shapes = shapes;
  }
}

/** An option or argument that is out of range or contradicts another. */
export class ArgumentError extends RegraftError {
  override name = 'ArgumentError';
}

/** No adapter, a lost device, memory or limits exceeded. */
export class DeviceError extends RegraftError {
  override name = 'DeviceError';
}

/** A tensor was read after its memory was given back. */
export class DisposedError extends RegraftError {
  override name = 'DisposedError';
}

/** A state dict that does not fit a module; all faults at once. */
export class StateDictError extends RegraftError {
  override name = 'StateDictError';
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly wrongShapes: readonly string[];
  /** The message without the fix. */
  readonly summary: string;
  constructor(summary: string, faults: { missing: string[]; unexpected: string[]; wrongShapes: string[] }, fix = '') {
    super(`${summary} ${fix}`.trimEnd());
    this.summary = summary;
    this.missing = faults.missing;
    this.unexpected = faults.unexpected;
    this.wrongShapes = faults.wrongShapes;
  }
}

/** A weight file that is unreadable, truncated, hostile or of an unknown format. `path` is the file's name. */
export class WeightFileError extends RegraftError {
  override name = 'WeightFileError';
  readonly path: string;
  constructor(path: string, detail: string) {
    super(`${path}: ${detail}`);
    this.path = path;
  }
}

/** Training or test data that cannot be used: no images, one class, a corrupt file. `path` is the file or folder. */
export class DataError extends RegraftError {
  override name = 'DataError';
  readonly path: string;
  constructor(path: string, detail: string) {
    super(`${path}: ${detail}`);
    this.path = path;
  }
}
