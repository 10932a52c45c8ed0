/** The page that runs an exported model by itself: its files beside the model's. */
import script from 'virtual:host-script';
import { STYLE } from '../../src/train/report-style.ts';
import page from '../host/index.html?raw';
import style from '../host/style.css?raw';

export function hostPage(): Record<string, string> {
  return {
    'index.html': page.replace('/* style */', () => `${STYLE}\n${style}`),
    'regraft.js': script,
    'README.txt': README,
  };
}

const README = `A page that runs a fine-tuned network in the visitor's browser, on the visitor's GPU (WebGPU).
Put these files on any web server or static host: nothing runs there, and no picture is sent to it.

index.html          the page
regraft.js          regraft, as one script
model.json          class names and transforms
model.safetensors   the weights; they load in PyTorch too

Opened from a folder (file://), the page asks for model.json and model.safetensors, which browsers do not let it read by itself.
`;
