// How a conversation is put to a model that has no form of its own: a line of what was said, and one of what is answered.
import { ChatTemplate, type Tokenizer, tokenizerFromFiles } from '../../src/index.ts';

/** In Jinja. */
export const PLAIN_FORM = '{% for message in messages %}{{ message.content }}{{ "\\n" }}{% endfor %}';

/** The tokenizer with a chat template among its files: a checkpoint then keeps both. */
export async function withForm(
  tokenizer: Tokenizer,
  source: string,
): Promise<{ tokenizer: Tokenizer; template: ChatTemplate }> {
  const files = new Map(tokenizer.files()).set('chat_template.jinja', source);
  return { tokenizer: await tokenizerFromFiles(files), template: await ChatTemplate.fromText(source) };
}

/** What ends an answer: the model's own tokens, or in the plain form the end of its line. */
export function endsOf(tokenizer: Tokenizer, own: readonly number[], template: ChatTemplate | null): readonly number[] {
  if (own.length > 0 || template?.source !== PLAIN_FORM) return own;
  return tokenizer.encode('\n');
}

/** A question with its answer, which in the plain form ends with its line: what young models write behind that is no part of it. */
export function sampleIn(text: string, template: ChatTemplate | null): string {
  return template?.source === PLAIN_FORM ? text.split('\n').slice(0, 2).join('\n') : text;
}
