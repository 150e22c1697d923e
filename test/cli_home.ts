// A terminal, a process and a command that exist only in memory, for the tests of the command line.
import { EventEmitter } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { type Command, defineCommand } from '../src/cli/command.ts';
import { defineFlags } from '../src/cli/flags.ts';
import { type Home, main } from '../src/cli/main.ts';
import type { TextStream } from '../src/cli/terminal.ts';
import type { RunEvent } from '../src/train/events.ts';

/** Collects what is written; `break` makes later writes fail as a pipe without a reader does. */
export class FakeStream extends EventEmitter implements TextStream {
  text = '';
  isTTY = false;
  columns = 80;
  broken: (Error & { code?: string }) | undefined;

  write(text: string, done?: (error?: Error | null) => void): boolean {
    if (this.broken) {
      const { broken } = this;
      queueMicrotask(() => {
        this.emit('error', broken);
        done?.(broken);
      });
      return false;
    }
    this.text += text;
    queueMicrotask(() => done?.());
    return true;
  }

  break(code: string): void {
    this.broken = Object.assign(new Error(`write ${code}`), { code });
  }
}

export interface FakeHome extends Home {
  readonly stdout: FakeStream;
  readonly stderr: FakeStream;
  readonly signals: EventEmitter;
  readonly left: number[];
  clock: number;
}

/** Nothing is in this folder: no table of kernels that was measured on this machine decides a test. */
const noCache = path.join(os.tmpdir(), 'shaderformer-no-cache');

export function fakeHome(env: Record<string, string> = { LANG: 'C.UTF-8', TERM: 'xterm' }): FakeHome {
  const left: number[] = [];
  const home = {
    stdout: new FakeStream(),
    stderr: new FakeStream(),
    env: { XDG_CACHE_HOME: noCache, ...env },
    signals: new EventEmitter(),
    left,
    clock: 0,
    leave: (code: number) => void left.push(code),
    now: (): number => home.clock,
  };
  return home;
}

export const flags = defineFlags([
  { name: 'steps', type: 'integer', min: 1, unit: 'steps', default: 2000, help: 'optimizer steps' },
  { name: 'learning-rate', type: 'number', above: 0, default: 0.01, help: 'learning rate' },
  { name: 'dropout', type: 'number', min: 0, below: 1, default: 0, example: '0.1', help: 'dropout' },
  { name: 'batch', type: 'integer', min: 1, unit: 'rows', example: '8', help: 'rows in a batch' },
  { name: 'schedule', type: 'choice', choices: ['cosine', 'linear', 'constant'], default: 'cosine', help: 'schedule' },
  { name: 'out', type: 'text', placeholder: 'DIR', example: 'runs/moby-1', help: 'folder of the run' },
  { name: 'prompt', type: 'text', mayBeEmpty: true, example: 'Call me', help: 'text to go on from' },
  { name: 'references', type: 'text', multiple: true, placeholder: 'FILE', help: 'texts to compare with' },
  { name: 'bias', type: 'boolean', default: true, help: 'biases' },
]);

/** `pretrain` with the given body. */
export function pretrain(
  run: Parameters<typeof defineCommand<typeof flags>>[0]['run'],
  more: Partial<Command> = {},
): Command {
  return {
    ...defineCommand({ name: 'pretrain', summary: 'trains a model', flags, examples: ['pretrain --steps 500'], run }),
    ...more,
  };
}

/** Runs `shaderformer WORDS` at home and tells how it ended. */
export async function shaderformer(
  words: readonly string[],
  commands: readonly Command[],
  home: FakeHome = fakeHome(),
): Promise<{ code: number; stdout: string; stderr: string }> {
  const code = await main(words, new Map(commands.map((command) => [command.name, command])), home);
  return { code, stdout: home.stdout.text, stderr: home.stderr.text };
}

/** A run of `steps` steps that falls from about 4.4 to 1.9, evaluated every tenth of the way. */
export function fakeRun(steps: number): RunEvent[] {
  const events: RunEvent[] = [
    {
      event: 'start',
      parameters: 28416,
      config: { nLayer: 2, nHead: 2 },
      dataset: 'a book',
      adapter: 'SwiftShader',
      kernels: {},
      kernelsFrom: 'first: no table was asked for',
      memory: { parameters: 113664, gradients: 113664, optimizer: 227328, activations: 2700000, total: 3154656 },
    },
  ];
  const lossAt = (step: number) => 1.9 + 2.5 * Math.exp((-6 * step) / steps);
  for (let step = 1; step <= steps; step++) {
    const loss = lossAt(step) + 0.05 * Math.sin(step * 12.9898);
    events.push({ event: 'step', step, loss, learningRate: 0.01, gradNorm: 0.8, tokensPerSecond: 3050 });
    if (step % Math.ceil(steps / 10) === 0) {
      events.push({ event: 'eval', step, trainLoss: loss, validationLoss: lossAt(step) + 0.1 });
      events.push({ event: 'sample', step, text: `text of step ${step}` });
      events.push({ event: 'save', step, path: `runs/moby-1/step-${step}` });
    }
  }
  events.push({ event: 'end', step: steps, validationLoss: lossAt(steps) + 0.1, parameterHash: 'ab12'.repeat(16) });
  return events;
}
