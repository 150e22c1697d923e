// The command line's frame: finds the command, reads its flags, runs it, and turns whatever happens into an exit code and a sentence.
// Commands plug in as data (command.ts). Exit codes: 0 done, 1 failed after it began, 2 refused before, 130 and 143 after a signal.
import process from 'node:process';
import { printable, quoted } from '../data/printable.ts';
import { InputError, RunError, StoppedError } from '../errors.ts';
import { allFlags, type Command, checkPositionals, type GlobalValues } from './command.ts';
import { commandHelp, generalHelp } from './help.ts';
import { nearest } from './nearest.ts';
import { Output } from './output.ts';
import { parseFlags } from './parse_flags.ts';
import { catchSignals, type SignalSource, StopSignal } from './stop.ts';
import { type Environment, type TextStream, widthOf } from './terminal.ts';
import { version } from './version.ts';

/** Where the program runs; tests pass their own. */
export interface Home {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Environment;
  readonly signals: SignalSource;
  leave(exitCode: number): void;
  now(): number;
}

const here: Home = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signals: process,
  leave: (code) => process.exit(code),
  now: () => performance.now(),
};

/**
 * Runs one command line and never rejects.
 * @param argv the words after the program's name: `['pretrain', '--steps', '100']`
 * @param commands by name, in the order in which help lists them
 * @returns the exit code; all output is written by then
 */
export async function main(
  argv: readonly string[],
  commands: ReadonlyMap<string, Command>,
  home = here,
): Promise<number> {
  const end = argv.indexOf('--');
  const before = end < 0 ? argv : argv.slice(0, end);
  const debug = before.includes('--debug');
  const out = new Output({
    stdout: home.stdout,
    stderr: home.stderr,
    env: home.env,
    json: before.includes('--json'),
    quiet: before.includes('--quiet'),
  });
  // What nobody awaited (a callback, a lost promise) still ends as one sentence.
  const crash = (error: unknown) => {
    out.status('');
    home.leave(report(error, out, debug));
  };
  const own = home.signals === process;
  if (own) process.on('uncaughtException', crash);
  try {
    return await dispatch(argv, commands, out, home);
  } catch (error) {
    out.status('');
    return report(error, out, debug);
  } finally {
    await out.close();
    if (own) process.removeListener('uncaughtException', crash);
  }
}

async function dispatch(
  argv: readonly string[],
  commands: ReadonlyMap<string, Command>,
  out: Output,
  home: Home,
): Promise<number> {
  const [word, ...rest] = argv;
  const width = widthOf(home.stdout);
  const say = (text: string) => void home.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  if (word === undefined) {
    out.raw(generalHelp(commands, width));
    return 2;
  }
  if (word === '--version' || word === '-V') {
    say(version());
    return 0;
  }
  if (word === '--help' || word === '-h' || word === 'help') {
    const about = rest.find((each) => !each.startsWith('-'));
    say(about === undefined ? generalHelp(commands, width) : commandHelp(find(about, commands), width));
    return 0;
  }
  const command = find(word, commands);
  const startedByNpm = home.env.npm_command === 'run-script' || home.env.npm_command === 'run';
  const parsed = parseFlags({ name: command.name, flags: allFlags(command) }, rest);
  if (parsed.help) {
    say(commandHelp(command, width));
    return 0;
  }
  if (startedByNpm) refuseFlagsKeptByNpm(command, home.env);
  checkPositionals(command, parsed.positionals, parsed.values, startedByNpm);

  const flags = parsed.values as GlobalValues & Record<string, unknown>;
  const signal = new StopSignal();
  const { savesNothing, savesNothingWith } = command;
  const saves = !savesNothing && (savesNothingWith === undefined || flags[savesNothingWith] !== true);
  const release = catchSignals(home.signals, signal, {
    graceful: command.stopsAtSignal === true,
    onAsk: () =>
      out.note(`stopping: this step ends${saves ? ' and the state is saved' : ''} (once more leaves at once)`),
    leave: (code) => {
      out.status('');
      home.leave(code);
    },
    now: home.now,
  });
  try {
    const code = await command.run({ out, signal, given: parsed.given, env: home.env }, flags, parsed.positionals);
    // A training run keeps its results in its folder; of everything else, what was printed is the result.
    const trains = command.stopsAtSignal === true && saves;
    if (code === 0 && !trains && !(await out.printed())) return 1;
    return code === 0 ? signal.exitCode : code;
  } catch (error) {
    if (error instanceof StoppedError) return signal.exitCode;
    throw error;
  } finally {
    release();
  }
}

function find(word: string, commands: ReadonlyMap<string, Command>): Command {
  const command = commands.get(word);
  if (command) return command;
  if (word.startsWith('-')) {
    throw new InputError(
      `shaderformer: found ${quoted(word)} first, expected a command before its flags. For example: shaderformer ${[...commands.keys()][0]} ${quoted(word)}`,
    );
  }
  const near = nearest(word, commands.keys());
  throw new InputError(
    `shaderformer: found ${quoted(word)}, expected a command${near ? `: did you mean ${near}?` : ` (${[...commands.keys()].join(', ')}).`} For example: shaderformer ${commands.get(near ?? '')?.examples[0] ?? '--help'}`,
  );
}

/** `npm run pretrain --steps 5` never hands --steps over: npm takes it for its own setting. Better refused than trained without it. */
function refuseFlagsKeptByNpm(command: Command, env: Environment): void {
  for (const { name } of command.flags) {
    const kept = env[`npm_config_${name.replaceAll('-', '_')}`];
    if (kept) {
      throw new InputError(
        `--${name}: found in npm's own settings (${quoted(kept)}), expected after two dashes. For example: npm run ${command.name} -- --${name} ...`,
      );
    }
  }
}

/** Says why it ends. @returns the exit code */
function report(error: unknown, out: Output, debug: boolean): number {
  const known = error instanceof InputError || error instanceof RunError;
  if (known) out.error(printable(error.message));
  else {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const line = printable(what.split('\n')[0]!, true).slice(0, 300);
    out.error(`unexpected: ${line}. This is a defect of shaderformer${debug ? '' : '; --debug shows the stack'}`);
  }
  if (debug && error instanceof Error) {
    out.raw(printable(error.stack ?? ''));
    if (error.cause instanceof Error) out.raw(`caused by ${printable(error.cause.stack ?? error.cause.message)}`);
  }
  return error instanceof InputError ? 2 : 1;
}
