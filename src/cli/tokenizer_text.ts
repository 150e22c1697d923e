// tokenizer encode and decode: text to ids and back, by any tokenizer.

import { quoted } from '../data/printable.ts';
import { ByteTokenizer, Gpt2Tokenizer, type Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { folderTokenizer, tokenizerFor } from './pretrain_text.ts';
import type { TokenizerFlags } from './tokenizer.ts';

/** `tokenizer encode`. */
export async function encodeText(context: CommandContext, flags: TokenizerFlags): Promise<number> {
  const { out } = context;
  const { allowSpecial } = flags;
  const tokenizer = await chosen(flags, context);
  const text = flags.text ?? (await standardInput('--text', 'a text', '--text "Call me"'));
  const ids = tokenizer.encode(text, { allowSpecial });
  out.emit({ ids });
  out.print(ids.join(' '));
  return 0;
}

/** `tokenizer decode`. */
export async function decodeIds(context: CommandContext, flags: TokenizerFlags): Promise<number> {
  const { out } = context;
  const tokenizer = await chosen(flags, context);
  const words = (flags.ids ?? (await standardInput('--ids', 'token ids', '--ids 1,2,3')))
    .split(/[\s,[\]]+/)
    .filter(Boolean);
  const ids = words.map((word) => {
    const id = /^\d+$/.test(word) ? Number(word) : -1;
    if (id >= 0 && id < tokenizer.vocabSize) return id;
    throw new InputError(
      `--ids: found ${quoted(word)}, expected whole numbers from 0 to ${tokenizer.vocabSize - 1} with spaces or commas between.`,
    );
  });
  const text = tokenizer.decode(ids);
  out.emit({ text });
  out.stream(text);
  out.print();
  return 0;
}

async function chosen({ model, tokenizer: name }: TokenizerFlags, context: CommandContext): Promise<Tokenizer> {
  if ((model === undefined) === (name === undefined)) {
    const found = name === undefined ? 'neither --tokenizer nor' : 'both --tokenizer and';
    throw new InputError(`tokenizer: found ${found} --model, expected one of the two. For example: --tokenizer gpt2`);
  }
  if (model !== undefined) return folderTokenizer(model, context);
  const tokenizer = await tokenizerFor(name!, null, context);
  if (typeof tokenizer !== 'string') return tokenizer;
  if (tokenizer === 'byte') return new ByteTokenizer();
  if (tokenizer === 'gpt2') return Gpt2Tokenizer.load();
  throw new InputError(
    '--tokenizer: found "char", whose characters are those of a text, expected byte, gpt2 or a folder. Name the run that has it.',
  );
}

/** All of standard input. @throws InputError where nothing is sent, and for invalid UTF-8 */
async function standardInput(flag: string, what: string, example: string): Promise<string> {
  if (process.stdin.isTTY) throw new InputError(`${flag}: found nothing, expected ${what}. For example: ${example}`);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const parts: string[] = [];
  try {
    for await (const chunk of process.stdin) parts.push(decoder.decode(chunk as Buffer, { stream: true }));
    parts.push(decoder.decode());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new InputError('standard input: found bytes that are not UTF-8, expected text. Save it as UTF-8.');
  }
  return parts.join('');
}
