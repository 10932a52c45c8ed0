/** Programs of somebody's project that has regraft installed. */

const ENTRIES = ['nn', 'optim', 'models', 'data', 'train', 'io', 'convert', 'text'];

export const MODULE = `
import { init, tensor } from 'regraft';
${ENTRIES.map((entry) => `import * as ${entry} from 'regraft/${entry}';`).join('\n')}
const { description } = await init();
const entries: object[] = [${ENTRIES.join(', ')}];
const model: nn.Module = new nn.Linear(2, 2);
console.log(description.length > 0, entries.length, model.parameters().length, [...(await tensor([1, 2]).mul(2).data())].join());
`;
/** What {@link MODULE} prints. */
export const PRINTED = `true ${ENTRIES.length} 2 2,4\n`;

/** The same without types. */
export const plain = (code: string): string => code.replace(/: (object\[\]|nn\.Module)/g, '');

export const COMMON_JS = `
const { init, tensor } = require('regraft');
const { Linear } = require('regraft/nn');
init().then(async () => console.log(new Linear(2, 2).parameters().length, [...(await tensor([1, 2]).mul(2).data())].join()));
`;

export const WORKER = `
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { init, tensor } from 'regraft';
if (isMainThread) new Worker(new URL(import.meta.url)).on('message', (text) => console.log(text));
else {
  await init();
  parentPort.postMessage([...(await tensor([1, 2]).mul(2).data())].join());
}
`;

export const PAGE = `<!doctype html><script type="module">
import { init, tensor } from 'regraft';
await init();
document.title = [...(await tensor([1, 2]).mul(2).data())].join();
</script>`;

/** Compiler options without the ambient types of anybody else, which look into the declarations of packages too. */
export const tsconfig = (module: string, moduleResolution: string): string =>
  JSON.stringify({
    compilerOptions: {
      ...{ target: 'es2022', lib: ['es2022', 'dom'], types: [], module, moduleResolution },
      ...{ strict: true, noEmit: true, skipLibCheck: false },
    },
    files: ['program.mts'],
  });
