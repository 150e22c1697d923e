// generate: text from a model, as it comes.

import type { Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { TokenGenerator } from '../generate/generate.ts';
import { StopText } from '../generate/stop_text.ts';
import { defineCommand } from './command.ts';
import { DTYPE_FLAG, dtypeOn } from './dtype.ts';
import { defineFlags } from './flags.ts';
import { modelFlags, openModel } from './folders.ts';
import { deviceFor } from './open_device.ts';

const flags = defineFlags([
  ...modelFlags,
  {
    name: 'prompt',
    type: 'text',
    placeholder: 'TEXT',
    mayBeEmpty: true,
    help: 'what to continue; default: standard input',
  },
  { name: 'prompt-ids', type: 'text', placeholder: '1,2,3', help: 'token ids as they are, nothing added' },
  {
    name: 'max-new-tokens',
    type: 'integer',
    min: 1,
    max: 1e6,
    default: 200,
    unit: 'tokens',
    help: 'at most this many',
  },
  {
    name: 'temperature',
    type: 'number',
    min: 0,
    max: 1000,
    default: 0.8,
    help: '0 takes the most probable token, larger is wilder',
  },
  { name: 'top-k', type: 'integer', min: 1, max: 1e7, help: 'only the k most probable tokens' },
  {
    name: 'top-p',
    type: 'number',
    above: 0,
    max: 1,
    help: 'only the most probable tokens that together have this probability',
  },
  { name: 'min-p', type: 'number', min: 0, max: 1, help: "only tokens with this share of the best one's probability" },
  {
    name: 'repetition-penalty',
    type: 'number',
    above: 0,
    max: 100,
    default: 1,
    help: 'above 1 avoids what is there already',
  },
  { name: 'stop', type: 'text', multiple: true, placeholder: 'TEXT', help: 'ends before this text' },
  { ...DTYPE_FLAG, default: 'f32' },
  { name: 'logits', type: 'boolean', help: 'with --json: the ten likeliest first tokens with their logits' },
]);

export const generate = defineCommand({
  name: 'generate',
  summary: 'continues a text with a trained model',
  flags,
  examples: [
    'generate --model runs/moby-1 --prompt "Call me "',
    'generate --model runs/moby-1 --prompt "The whale" --temperature 0',
  ],
  stopsAtSignal: true,
  async run(context, given) {
    const { out, signal } = context;
    if (given.prompt !== undefined && given.promptIds !== undefined)
      throw new InputError('--prompt-ids: found together with --prompt, expected one of the two.');
    const device = await deviceFor(context, given);
    try {
      const { model, tokenizer, eosId } = await openModel(device, given, (line) => out.note(line));
      const promptIds = await idsOf(given.prompt, given.promptIds, tokenizer, model.vocabSize);
      const generator = new TokenGenerator(device, model, dtypeOn(device, given.dtype, out));
      const decoder = tokenizer?.decoder();
      const ids: number[] = [];
      let first: Float32Array | null = null;
      const text = new StopText(given.stop);
      const since = performance.now();
      for await (const { id, logits } of generator.generate(promptIds, { ...given, eosId, seed: given.seed })) {
        first ??= logits;
        ids.push(id);
        if (id === eosId) break;
        const shown = text.push(decoder ? decoder.push(id) : '');
        out.stream(decoder ? shown : `${id} `);
        if (text.stopped || signal.requested || out.stdoutClosed) break;
      }
      if (!text.stopped) out.stream(text.end(decoder?.end() ?? ''));
      const seconds = (performance.now() - since) / 1000;
      out.emit({
        text: decoder ? text.text : null,
        ids,
        promptIds,
        tokensPerSecond: Math.round((10 * ids.length) / seconds) / 10,
        ...(given.logits && first && { topLogits: top(first) }),
      });
      out.print();
      return 0;
    } finally {
      device.close();
    }
  },
});

async function idsOf(
  prompt: string | undefined,
  promptIds: string | undefined,
  tokenizer: Tokenizer | null,
  vocabSize: number,
): Promise<number[]> {
  if (promptIds !== undefined) {
    return promptIds.split(',').map((word) => {
      const id = Number(word.trim());
      if (word.trim() === '' || !Number.isInteger(id) || id < 0 || id >= vocabSize)
        throw new InputError(
          `--prompt-ids: found ${JSON.stringify(word)}, expected whole numbers from 0 to ${vocabSize - 1} between commas.`,
        );
      return id;
    });
  }
  if (!tokenizer) throw new InputError('--prompt: this folder has no tokenizer. Give token ids with --prompt-ids.');
  const text = prompt ?? (await standardInput());
  if (text !== '') return tokenizer.encode(text);
  if (tokenizer.eosId !== null) return [tokenizer.eosId];
  throw new InputError('--prompt: found an empty text, expected at least one character to go on from.');
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY)
    throw new InputError('--prompt: found nothing, expected a text. For example: --prompt "Call me "');
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) text += chunk;
  return text.replace(/\r?\n$/, '');
}

function top(logits: Float32Array): [number, number][] {
  return Array.from(logits, (value, id): [number, number] => [id, value])
    .sort((a, b) => b[1] - a[1])
    .slice(0, 10);
}
