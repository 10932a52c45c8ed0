/** `regraft`: the command line. Exit code 0, 1 for a fault (one line on stderr), 2 for wrong usage. */
import { Command, CommanderError } from 'commander';
import { keepBack } from '../device/quiet-node.ts';
import { version } from '../runs/version.ts';
import { COMMANDS } from './commands.ts';
import { complain, faultLine } from './output.ts';
import { watchSignals } from './signals.ts';

const program = new Command('regraft')
  .description('Fine-tunes pretrained networks on whatever GPU there is.')
  .version(version, '-V, --version', 'print the version')
  .helpCommand('help [command]', 'print help on a command')
  .option('--adapter <name>', 'auto, gpu, lavapipe, swiftshader, wgpu (in Deno), or part of an adapter’s name')
  .option('--debug', 'print where in the program a fault came from, and what Dawn and drivers say')
  .addHelpText('after', '\nExample:\n  regraft finetune photos --model squeezenet1_1 --out runs/photos');

for (const command of COMMANDS) program.addCommand(command());
for (const command of [program, ...program.commands])
  command
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text) => complain(text.replace(/^error: /, 'regraft: ').trimEnd()) })
    .showHelpAfterError(`(regraft ${command === program ? '' : `${command.name()} `}--help explains)`);
program.hook('preAction', () => {
  const { adapter, debug } = program.opts<{ adapter?: string; debug?: boolean }>();
  keepBack(debug ? 'nothing' : 'everything');
  if (adapter !== undefined) process.env.REGRAFT_ADAPTER = adapter;
});

// Whoever reads the output may have seen enough (`regraft summary … | head`). Work goes on without an audience for its progress.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
watchSignals();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const { debug = false } = program.opts<{ debug?: boolean }>();
    complain(debug && error instanceof Error ? (error.stack ?? error.message) : faultLine(error));
    process.exitCode = 1;
  }
}
