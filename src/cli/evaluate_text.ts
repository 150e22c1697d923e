// evaluate --task language: mean loss over windows of a text or of token ids, and what follows from it.
import { diskLayer } from '../checkpoint/files.ts';
import { described, parseJson } from '../checkpoint/json.ts';
import { readLimited } from '../checkpoint/model_folder.ts';
import { type Corpus, type CorpusProgress, openCorpus } from '../data/corpus.ts';
import { grouped } from '../data/counted.ts';
import { findText } from '../data/text_source.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { InputError, StoppedError } from '../errors.ts';
import { languageTask } from '../tasks/language.ts';
import { evaluateBatches } from '../train/evaluate.ts';
import { lossBatches, rowsFor, type Stretch } from '../train/loss_batches.ts';
import type { EvaluateFlags } from './evaluate_flags.ts';
import { tokenCache } from './folders.ts';
import type { Measure } from './measure.ts';
import { RateLine } from './rate_line.ts';

/** Above 0, as a corpus wants it, and so small that nothing is left for validation: the whole text is encoded in one piece. */
const NO_VALIDATION = Number.MIN_VALUE;

interface Ids extends Stretch {
  /** Of the text; null where there is none. */
  bytes: number | null;
  close(): void;
}

/** Loss, perplexity and, of a text, bits a byte. */
export const evaluateText: Measure = async ({ out, signal }, device, { model, tokenizer }, given, dtype) => {
  const { data, ids, textField } = given;
  const note = (line: string) => out.note(line);
  const stretch =
    ids !== undefined ? await readIds(ids, model.vocabSize) : await readText(data!, textField, tokenizer, note);
  try {
    const { length, bytes } = stretch;
    if (length < 2)
      throw new InputError(
        `${data ?? ids}: found ${length} token${length === 1 ? '' : 's'}, expected at least 2: one to see, one to predict.`,
      );
    const { T, stride } = windowsOf(given, model.blockSize, length);
    // As many rows as there are windows at most: that many without overlap have them.
    const windows = 1 + Math.ceil(Math.max(0, length - 1 - T) / stride);
    const batches = lossBatches(stretch, T, rowsFor(windows * T + 1, T), stride);
    const line = new RateLine(out, 'tokens evaluated', (n) => grouped(Math.round(n)));
    const onTokens = (tokens: number) => {
      if (signal.requested) throw new StoppedError();
      line.update(tokens, length - 1);
    };
    const { loss, tokens } = await evaluateBatches(device, model, languageTask({ dtype }), batches, onTokens).finally(
      () => line.end(),
    );
    const perplexity = Math.exp(loss);
    const bitsPerByte = bytes === null ? undefined : (loss * tokens) / Math.LN2 / bytes;
    out.emit({ loss, perplexity, tokens, ...(bitsPerByte !== undefined && { bitsPerByte }) });
    out.print(
      `loss ${loss.toFixed(4)} nats a token over ${tokens} tokens, perplexity ${perplexity.toFixed(3)}${bitsPerByte === undefined ? '' : `, ${bitsPerByte.toFixed(4)} bits a byte`}`,
    );
  } finally {
    stretch.close();
  }
};

/** The windows that were asked for. @throws InputError for a context that the model has not, and a stride that leaves tokens out */
function windowsOf({ context, stride }: EvaluateFlags, blockSize: number, length: number) {
  if (context !== undefined && context > blockSize)
    throw new InputError(`--context: found ${context}, expected at most ${blockSize}, which this model has.`);
  const most = context ?? blockSize;
  if (stride !== undefined && stride > most)
    throw new InputError(
      `--stride: found ${stride}, expected at most the context, ${most}: tokens between windows would be left out.`,
    );
  const T = Math.min(most, length - 1);
  return { T, stride: Math.min(stride ?? most, T) };
}

/** Some ten million ids; more are a text, which is read in parts. */
const maxIdsBytes = 64 * 2 ** 20;

/** @throws InputError for a file that is not there, no JSON list, or holds what is no id of this vocabulary */
async function readIds(file: string, vocabSize: number): Promise<Ids> {
  const advice = 'For example: [1, 2, 3]';
  const text = readLimited(file, maxIdsBytes, diskLayer);
  findText(file); // refuses web pages and other encodings by their names
  const list = parseJson(text, file);
  if (!Array.isArray(list))
    throw new InputError(`${file}: found ${described(list)}, expected a list of token ids. ${advice}`);
  const wrong = list.findIndex((id) => !Number.isInteger(id) || Number(id) < 0 || Number(id) >= vocabSize);
  if (wrong >= 0)
    throw new InputError(
      `${file}: entry ${wrong}: found ${described(list[wrong])}, expected whole numbers from 0 to ${vocabSize - 1}, the ids of this model. ${advice}`,
    );
  const ids = Int32Array.from(list as number[]);
  return { length: ids.length, read: (start, n) => ids.subarray(start, start + n), bytes: null, close: () => {} };
}

async function readText(
  data: string,
  textField: string | undefined,
  tokenizer: Tokenizer | null,
  note: (line: string) => void,
): Promise<Ids> {
  if (!tokenizer) throw new InputError('--data: this model folder has no tokenizer. Give token ids with --ids.');
  const onProgress = (progress: CorpusProgress) => progress.kind === 'note' && note(progress.text);
  const cacheDir = tokenCache();
  const corpus = await openCorpus({ data, textField, tokenizer, validationPart: NO_VALIDATION, cacheDir, onProgress });
  const close = () => corpus.close();
  return { ...behind(corpus, tokenizer.startIds ?? []), bytes: corpus.bytes, close };
}

/** A text with the ids in front that its tokenizer puts before every text, as transformers evaluates it. */
function behind(corpus: Corpus, first: readonly number[]): Stretch {
  const read = (start: number, n: number) => {
    const ids = new Int32Array(n);
    const own = first.slice(start, start + n);
    ids.set(own);
    if (own.length < n) ids.set(corpus.train(start + own.length - first.length, n - own.length), own.length);
    return ids;
  };
  return { length: first.length + corpus.trainLength, read };
}
