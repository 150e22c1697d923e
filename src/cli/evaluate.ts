// evaluate: how well a model predicts a text.
import { readFile } from 'node:fs/promises';
import { type CorpusOptions, type CorpusProgress, openCorpus } from '../data/corpus.ts';
import { InputError } from '../errors.ts';
import { languageTask } from '../tasks/language.ts';
import { evaluateBatches } from '../train/evaluate.ts';
import { lossBatches, rowsFor } from '../train/loss_batches.ts';
import { defineCommand } from './command.ts';
import { DTYPE_FLAG, dtypeOn } from './dtype.ts';
import { defineFlags } from './flags.ts';
import { modelFlags, openModel, tokenCache } from './folders.ts';
import { deviceFor } from './open_device.ts';

const flags = defineFlags([
  ...modelFlags,
  { name: 'data', type: 'text', placeholder: 'FILE|DIR', help: 'text to predict: plain, .jsonl or .parquet' },
  {
    name: 'text-field',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'field of .jsonl rows or column of .parquet tables that holds the text; default: text',
  },
  { ...DTYPE_FLAG, default: 'f32' },
  { name: 'ids', type: 'text', placeholder: 'FILE', help: 'a JSON list of token ids to predict, instead of a text' },
]);

/** Above 0, as a corpus wants it, and so small that nothing is left for validation: the whole text is encoded in one piece. */
const NO_VALIDATION = Number.MIN_VALUE;

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'measures how well a model predicts a text',
  flags,
  examples: ['evaluate --model runs/moby-1 --data other.txt'],
  async run(context, given) {
    const { out } = context;
    if ((given.data === undefined) === (given.ids === undefined))
      throw new InputError(
        `evaluate: found ${given.data === undefined ? 'neither --data nor' : 'both --data and'} --ids, expected one of the two.`,
      );
    const device = await deviceFor(context, given);
    try {
      const { model, tokenizer } = await openModel(device, given, (line) => out.note(line));
      const { length, read, bytes, close } =
        given.ids !== undefined
          ? await readIds(given.ids, model.vocabSize)
          : await readText(given.data!, given.textField, tokenizer, (line) => out.note(line));
      if (length < 2)
        throw new InputError(
          `${given.data ?? given.ids}: found ${length} token${length === 1 ? '' : 's'}, expected at least 2: one to see, one to predict.`,
        );
      const T = Math.min(model.blockSize, Math.max(1, length - 1));
      const batches = lossBatches({ length, read }, T, rowsFor(length, T));
      const { loss, tokens } = await evaluateBatches(
        device,
        model,
        languageTask({ dtype: dtypeOn(device, given.dtype, out) }),
        batches,
      ).finally(close);
      out.status('');
      const perplexity = Math.exp(loss);
      const bitsPerByte = bytes === null ? undefined : (loss * tokens) / Math.LN2 / bytes;
      out.emit({ loss, perplexity, tokens, ...(bitsPerByte !== undefined && { bitsPerByte }) });
      out.print(
        `loss ${loss.toFixed(4)} nats a token over ${tokens} tokens, perplexity ${perplexity.toFixed(3)}${bitsPerByte === undefined ? '' : `, ${bitsPerByte.toFixed(4)} bits a byte`}`,
      );
      return 0;
    } finally {
      device.close();
    }
  },
});

interface Ids {
  length: number;
  read(start: number, n: number): Int32Array;
  bytes: number | null;
  close(): void;
}

async function readIds(file: string, vocabSize: number): Promise<Ids> {
  let list: unknown;
  try {
    list = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new InputError(
      `${file}: ${(error as NodeJS.ErrnoException).code ?? 'not JSON'}, expected a JSON list of token ids.`,
    );
  }
  if (!Array.isArray(list)) throw new InputError(`${file}: expected a JSON list of token ids, such as [1, 2, 3].`);
  const wrong = list.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong >= 0)
    throw new InputError(
      `${file}: entry ${wrong} is ${JSON.stringify(list[wrong])}, expected whole numbers from 0 to ${vocabSize - 1}.`,
    );
  const ids = Int32Array.from(list as number[]);
  return { length: ids.length, read: (start, n) => ids.subarray(start, start + n), bytes: null, close: () => {} };
}

async function readText(
  data: string,
  textField: string | undefined,
  tokenizer: CorpusOptions['tokenizer'] | null,
  note: (line: string) => void,
): Promise<Ids> {
  if (!tokenizer) throw new InputError('--data: this model folder has no tokenizer. Give token ids with --ids.');
  const onProgress = (progress: CorpusProgress) => progress.kind === 'note' && note(progress.text);
  const cacheDir = tokenCache();
  const corpus = await openCorpus({ data, textField, tokenizer, validationPart: NO_VALIDATION, cacheDir, onProgress });
  const close = () => corpus.close();
  return { length: corpus.trainLength, read: (start, n) => corpus.train(start, n), bytes: corpus.bytes, close };
}
