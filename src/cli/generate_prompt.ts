// What generate goes on from: ids, or a text that becomes ids.
import { type Tokenizer, promptIds as textIds } from '../data/tokenizer.ts';
import { InputError, StoppedError } from '../errors.ts';
import type { StopSignal } from './stop.ts';

/**
 * @throws InputError for ids outside the vocabulary, a text without a tokenizer, and for nothing at all; StoppedError where a signal
 *   came before the end of standard input
 */
export async function promptOf(
  prompt: string | undefined,
  promptIds: string | undefined,
  tokenizer: Tokenizer | null,
  vocabSize: number,
  signal: StopSignal,
): Promise<number[]> {
  if (promptIds !== undefined) {
    return promptIds.split(',').map((word) => {
      const id = /^\d+$/.test(word.trim()) ? Number(word) : Number.NaN;
      if (!(id < vocabSize))
        throw new InputError(
          `--prompt-ids: found ${JSON.stringify(word.slice(0, 40))}, expected whole numbers from 0 to ${vocabSize - 1} between commas.`,
        );
      return id;
    });
  }
  if (!tokenizer) throw new InputError('--prompt: this folder has no tokenizer. Give token ids with --prompt-ids.');
  const text = prompt ?? (await standardInput(signal));
  const ids = textIds(tokenizer, text);
  if (ids.length > 0) return ids;
  if (tokenizer.eosId !== null) return [tokenizer.eosId];
  throw new InputError('--prompt: found an empty text, expected at least one character to go on from.');
}

async function standardInput(signal: StopSignal): Promise<string> {
  if (process.stdin.isTTY)
    throw new InputError('--prompt: found nothing, expected a text. For example: --prompt "Call me "');
  // A pipe that nobody writes to would be waited for through a signal.
  const stopped = signal.whenRequested.then(() => void process.stdin.destroy());
  let text = '';
  process.stdin.setEncoding('utf8');
  const reading = (async () => {
    for await (const chunk of process.stdin) text += chunk;
  })();
  await Promise.race([reading, stopped]).catch((error: unknown) => {
    if (!signal.requested) throw error;
  });
  reading.catch(() => {});
  if (signal.requested) throw new StoppedError();
  return text.replace(/\r?\n$/, '');
}
