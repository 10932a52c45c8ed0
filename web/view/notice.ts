/** What went wrong, at the top of the page, with the way out. */
import { byId, make } from './dom.ts';

export function showNotice(
  title: string,
  text: string,
  steps: readonly string[] = [],
  action?: { label: string; run: () => void },
): void {
  const notice = byId('notice');
  notice.replaceChildren(make('h2', { textContent: title }), make('p', { textContent: text }));
  if (steps.length) notice.append(make('ul', {}, ...steps.map((step) => make('li', { textContent: step }))));
  if (action) {
    const button = make('button', { type: 'button', textContent: action.label });
    button.addEventListener('click', action.run);
    notice.append(make('div', { className: 'row' }, button));
  }
  notice.hidden = false;
}

export function hideNotice(): void {
  byId('notice').hidden = true;
}

/** @param fault of opening the GPU, as the library tells it: `init: …` */
export function showNoGPU(fault: string): void {
  const text = fault.replace(/^init: /, '');
  showNotice('This browser has no WebGPU', `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`, webgpuAdvice());
}

/** How to get WebGPU in the browser at hand. */
function webgpuAdvice(userAgent: string = navigator.userAgent): string[] {
  if (!globalThis.isSecureContext)
    return ['Open the page over https or from localhost: browsers give no GPU to other pages.'];
  const linux = /Linux/.test(userAgent) && !/Android/.test(userAgent);
  const advice: string[] = [];
  if (/Firefox\//.test(userAgent))
    advice.push(
      'Firefox 141 or newer has it on Windows, 145 or newer on Macs with Apple silicon; elsewhere set dom.webgpu.enabled in about:config.',
    );
  else if (/Chrome\//.test(userAgent)) {
    advice.push(
      'Turn on hardware acceleration: Settings, System, “Use graphics acceleration when available”. Then restart the browser.',
    );
    if (linux) advice.push('On Linux start Chrome or Edge with --enable-unsafe-webgpu --enable-features=Vulkan.');
    advice.push('chrome://gpu says what is missing.');
  } else if (/Safari\//.test(userAgent)) advice.push('Safari 26 or newer has it; older ones do not.');
  advice.push('Or use Chrome or Edge 113 or newer on a computer with an up-to-date graphics driver.');
  advice.push('Without a GPU: npx regraft finetune PHOTOS trains from the command line, on the CPU if need be.');
  return advice;
}
