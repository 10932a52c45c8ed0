/** The weights that come with the page: those of the quickstart's small network. */
export const CARRIED = {
  model: 'smallResnet',
  url: new URL('../../examples/quickstart/trunk.safetensors', import.meta.url),
  megabytes: 0.6,
};
