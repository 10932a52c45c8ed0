/** HDF5 files out, through h5wasm: groups, text attributes, data sets of float32 and int64. */
import type { TensorData } from '../../core/dtype.ts';
import { loadHdf5 } from './library.ts';

/** The writer of a file. Paths begin with a slash; groups on the way are made. */
export interface Hdf5Writer {
  group(path: string): void;
  /** An attribute of any length: it lies in the file's heap. */
  text(path: string, name: string, value: string): void;
  /** An attribute of texts of at most `length` bytes each. */
  names(path: string, name: string, values: readonly string[], length: number): void;
  /** @param tensor float32 or int64. */
  dataset(path: string, tensor: TensorData): void;
}

let made = 0;

/** The bytes of the file that `write` makes. */
export async function createHdf5(write: (file: Hdf5Writer) => void): Promise<Uint8Array<ArrayBuffer>> {
  const { h5, module } = await loadHdf5();
  const path = `/regraft-out-${made++}.h5`;
  module.activate_throwing_error_handler();
  try {
    const file = new h5.File(path, 'w');
    try {
      write({
        group: ensure,
        text: (at, name, value) => holder(at).create_attribute(name, value, [], 'S'),
        names: (at, name, values, length) => {
          // Keras reads an empty list of any type.
          if (values.length === 0) holder(at).create_attribute(name, new Float64Array(0), [0], '<d');
          else holder(at).create_attribute(name, [...values], [values.length], `S${length}`);
        },
        dataset: (at, { shape, dtype, data }) => {
          ensure(at.slice(0, at.lastIndexOf('/')));
          const type = dtype === 'int64' ? '<q' : '<f';
          file.create_dataset({ name: at, data: data as Float32Array, shape: [...shape], dtype: type });
        },
      });
    } finally {
      file.close();
    }
    function holder(at: string) {
      return new h5.Group(file.file_id, at);
    }
    function ensure(at: string): void {
      if (at === '' || module.get_type(file.file_id, at) === module.H5G_GROUP) return;
      ensure(at.slice(0, at.lastIndexOf('/')));
      file.create_group(at);
    }
    return module.FS.readFile(path) as Uint8Array<ArrayBuffer>;
  } finally {
    module.deactivate_throwing_error_handler();
    if (module.FS.analyzePath(path).exists) module.FS.unlink(path);
  }
}
