// How questions are put to a model: in its own chat template, or in Alpaca's prompt.
import { InputError } from '../../errors.ts';
import { ChatTemplate } from '../chat_template.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { ExampleEncoder, type Turns } from './encode.ts';

export const PROMPT_FORMATS = ['template', 'alpaca'] as const;
export type PromptFormat = (typeof PROMPT_FORMATS)[number];

export interface Prompting {
  readonly format: PromptFormat;
  readonly encoder: ExampleEncoder;
  /** Source of the model's own chat template; null for none. */
  readonly own: string | null;
}

/**
 * The encoder of a model's rows.
 * @param tokenizer its files hold the chat template, where there is one
 * @param asked null: the chat template where there is one, else Alpaca's prompt
 * @throws InputError for a template that is asked for and not there; as ChatTemplate.fromFiles
 */
export async function promptingOf(
  tokenizer: Tokenizer,
  asked: PromptFormat | null,
  turns: Turns = 'all',
): Promise<Prompting> {
  const template = await ChatTemplate.fromFiles(tokenizer.files());
  if (asked === 'template' && !template)
    throw new InputError(
      '--prompt-format: found template, but the model has no chat template, expected alpaca. Leave the flag out, or put a chat_template.jinja beside the tokenizer.',
    );
  const format = asked ?? (template ? 'template' : 'alpaca');
  const encoder = new ExampleEncoder(tokenizer, format === 'template' ? template : null, turns);
  return { format, encoder, own: template?.source ?? null };
}
