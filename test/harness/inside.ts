// The real commands, run inside the test's own process with a terminal in memory: faster than a child, and what is under them can be broken.
import { convert } from '../../src/cli/convert.ts';
import { evaluate } from '../../src/cli/evaluate.ts';
import { finetune } from '../../src/cli/finetune/finetune.ts';
import { generate } from '../../src/cli/generate.ts';
import { inspect } from '../../src/cli/inspect.ts';
import { predict } from '../../src/cli/predict.ts';
import { pretrain } from '../../src/cli/pretrain.ts';
import { translate } from '../../src/cli/translate.ts';
import { type FakeHome, fakeHome, shaderformer } from '../cli_home.ts';
import type { Line } from './program.ts';

const commands = [pretrain, finetune, generate, predict, translate, evaluate, convert, inspect];
const wanted = process.env.SHADERFORMER_ADAPTER;

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
  /** Of standard output, under --json. */
  lines: Line[];
  /** The sentences after `error:`; whole, however many lines they have. */
  errors: string[];
}

/** Runs one command line. */
export async function run(words: readonly string[], home: FakeHome = fakeHome()): Promise<Said> {
  const adapter = wanted && !words.includes('--adapter') ? ['--adapter', wanted] : [];
  const said = await shaderformer([...words, ...adapter], commands, home);
  const lines = words.includes('--json') ? said.stdout.split('\n').filter(Boolean) : [];
  const errors = said.stderr.split('error: ').slice(1);
  return { ...said, lines: lines.map((line) => JSON.parse(line) as Line), errors: errors.map((e) => e.trimEnd()) };
}
