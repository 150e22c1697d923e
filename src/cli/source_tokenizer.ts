// The tokenizer of what is translated from, where it is another than that of what is written: it lies beside that one in the folder of
// an encoder-decoder, under names of its own.
import path from 'node:path';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { readPlainFile } from './folders.ts';

const PREFIX = 'source_';

/** The files of a source's own tokenizer, by their names in the folder. */
export function sourceTokenizerFiles(tokenizer: Tokenizer): Map<string, string> {
  return new Map([...tokenizer.files()].map(([name, text]) => [PREFIX + name, text]));
}

/** null where a folder has none: one tokenizer is both sides'. @throws InputError for one that is not known here, naming the file */
export async function readSourceTokenizer(dir: string): Promise<Tokenizer | null> {
  const read = (name: string) => readPlainFile(path.join(dir, PREFIX + name));
  if ((await read('tokenizer.json')) === undefined) return null;
  try {
    return await loadTokenizer(read);
  } catch (error) {
    if (!(error instanceof InputError) || error.message.startsWith(dir)) throw error;
    throw new InputError(path.join(dir, PREFIX + error.message), { cause: error });
  }
}
