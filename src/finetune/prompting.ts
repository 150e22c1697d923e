// --prompt-format: how a run puts questions to its model, in its rows, its samples and its answers, and what a checkpoint keeps of that,
// so that it is talked to in the same way afterwards.
import { PROMPT_WORDS } from '../data/instruct/encode.ts';
import type { Example } from '../data/instruct/examples.ts';
import { type PromptFormat, type Prompting, promptingOf } from '../data/instruct/prompt_format.ts';
import { InputError } from '../errors.ts';
import type { RowsRequest } from './opened.ts';

const TEMPLATE_FILE = 'chat_template.jinja';

export interface RunPrompting extends Pick<Prompting, 'encoder'> {
  /** What is put around questions, as it is told behind the form of the rows. */
  readonly words: string;
  /** As the start event has it. */
  readonly prompt: string;
  readonly remembered: { readonly promptFormat: PromptFormat };
  /** Alpaca's prompt as a chat template, where the model has none of the same words. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Flags with which generate asks in the same way. */
  readonly ask: string;
}

/**
 * @param first of the rows: all have its form   @throws InputError as promptingOf, and for a format of rows that stand as they are
 */
export async function runPrompting(
  { settings, tokenizer, tell, chosen, resumed }: RowsRequest,
  first: Example,
  turns?: 'all' | 'last',
): Promise<RunPrompting> {
  const asked = chosen.has('promptFormat');
  if (first.verbatim && asked)
    throw new InputError(
      '--prompt-format: found beside prompts and completions that are texts, which stand as they are, expected it beside questions. Leave it out.',
    );
  const { format, encoder, own } = await promptingOf(tokenizer, settings.promptFormat || null, turns);
  const prompt = encoder.promptForm(first);
  const words = PROMPT_WORDS[prompt];
  if (own !== null && prompt === 'chat template' && !asked && !resumed)
    tell.note(`questions are put ${words}; --prompt-format alpaca takes Alpaca's prompt instead`);
  const alpaca = format === 'alpaca' && prompt !== 'none' ? encoder.alpacaTemplate() : null;
  if (format === 'alpaca' && prompt !== 'none' && alpaca === null && own !== null)
    tell.warn(
      "Alpaca's prompt cannot be written as a chat template for this tokenizer: generate --chat would ask in the model's own. Ask with --prompt.",
    );
  const chats =
    prompt === 'chat template' || alpaca !== null || (own !== null && prompt === 'Alpaca' && format === 'template');
  const files = new Map(
    alpaca !== null && alpaca !== own ? [[TEMPLATE_FILE, new TextEncoder().encode(alpaca)] as const] : [],
  );
  return {
    encoder,
    words,
    prompt,
    remembered: { promptFormat: format },
    files,
    ask: chats ? '--chat' : '--prompt "..."',
  };
}
