/** All commands, in the order in which help lists them. */
import { benchCommand } from './bench.ts';
import { convertCommand } from './convert.ts';
import { doctorCommand } from './doctor.ts';
import { evaluateCommand } from './evaluate.ts';
import { finetuneCommand } from './finetune.ts';
import { inspectCommand } from './inspect.ts';
import { modelsCommand } from './models.ts';
import { predictCommand } from './predict.ts';
import { summaryCommand } from './summary.ts';
import { uiCommand } from './ui.ts';

export const COMMANDS = [
  finetuneCommand,
  predictCommand,
  evaluateCommand,
  convertCommand,
  inspectCommand,
  modelsCommand,
  summaryCommand,
  doctorCommand,
  benchCommand,
  uiCommand,
];
