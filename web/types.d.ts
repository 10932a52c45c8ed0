/** Modules that Vite makes. */

declare module 'virtual:host-script' {
  /** `web/host/main.ts` and all it needs, as one classic script. */
  const script: string;
  export default script;
}

declare module '*?raw' {
  const text: string;
  export default text;
}
