/** What is said when the GPU went away. */
import { hideNotice, showNotice } from './notice.ts';

const TITLE = 'The GPU was lost';

/** It is opened again without being asked. */
export function tellReopening(reason: string): void {
  showNotice(TITLE, `${reason} It is opened again, and the work goes on from the last finished epoch.`);
}

/** It was lost before an epoch was over again: trying at once would go round in circles. */
export function askToReopen(reason: string, reopen: () => void): void {
  const advice =
    'That happened twice within an epoch: close other programs that use the GPU, or lower the batch size. Photos and finished epochs are still here.';
  const run = () => {
    hideNotice();
    reopen();
  };
  showNotice(TITLE, `${reason} ${advice}`, [], { label: 'Open the GPU again', run });
}
