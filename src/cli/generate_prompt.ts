// What generate goes on from: ids, or a text that becomes ids.
import { type Tokenizer, promptIds as textIds } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';

/** @throws InputError for ids outside the vocabulary, a text without a tokenizer, and for nothing at all */
export async function promptOf(
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
  const ids = textIds(tokenizer, text);
  if (ids.length > 0) return ids;
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
