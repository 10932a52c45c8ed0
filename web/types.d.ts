/** Modules that Vite makes. */

declare module 'virtual:networks' {
  /** What the page lists of each network. */
  const networks: readonly {
    readonly name: string;
    readonly title: string;
    readonly parameters: number;
    readonly inputSize: number;
  }[];
  export default networks;
}

declare module 'virtual:host-script' {
  /** `web/host/main.ts` and all it needs, as one classic script. */
  const script: string;
  export default script;
}

declare module '*?raw' {
  const text: string;
  export default text;
}
