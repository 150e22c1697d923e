// generate --chat: a conversation. Each turn, only what is new goes through the model: the cache holds what was said before.
import { type ChatMessage, ChatTemplate } from '../data/chat_template.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import { ends, TokenGenerator } from '../generate/generate.ts';
import { StopText } from '../generate/stop_text.ts';
import type { CommandContext } from './command.ts';
import { readPlainFile } from './folders.ts';
import type { Generation } from './generate.ts';
import { DecodeClock } from './generate_clock.ts';
import type { GenerateFlags } from './generate_flags.ts';
import { TypedLines } from './typed_lines.ts';

/** @returns the exit code */
export async function chat(
  context: CommandContext,
  given: GenerateFlags & { seed: number },
  parts: Generation,
): Promise<number> {
  const { out, signal } = context;
  const { model, tokenizer, dir, base } = parts;
  if (!tokenizer) throw new InputError(`--chat: ${dir} has no tokenizer, expected one with a chat template.`);
  // An adapter's folder may have a tokenizer and leave the template to its base.
  const template = (await templateIn(dir)) ?? (await templateIn(base));
  if (!template)
    throw new InputError(
      `--chat: ${dir} has no chat template, expected chat_template.jinja, or chat_template in tokenizer_config.json. Take a model that was tuned for conversations, or continue a text with --prompt.`,
    );
  const generator = new TokenGenerator(parts.device, model, parts.dtype);
  const messages: ChatMessage[] = [];
  const lines = new TypedLines(signal, out.json ? process.stderr : process.stdout);
  try {
    for (let turn = 0; ; turn++) {
      const line = await lines.next();
      if (line === null || signal.requested) return signal.exitCode;
      if (line.trim() === '') continue;
      messages.push({ role: 'user', content: line });
      const promptIds = fitting(template, tokenizer, messages, model.blockSize, out);
      if (promptIds) {
        const content = await answer(context, { ...given, seed: given.seed + turn }, parts, generator, promptIds);
        messages.push({ role: 'assistant', content });
      } else messages.pop();
      if (signal.exitCode === TERMINATED || out.stdoutClosed) return signal.exitCode;
      // Ctrl-C has stopped the answer, not the conversation.
      signal.forget();
    }
  } finally {
    lines.close();
    generator.release();
  }
}

/** 128 + SIGTERM: that ends the program, whenever it comes. */
const TERMINATED = 143;

async function templateIn(dir: string): Promise<ChatTemplate | null> {
  const names = ['chat_template.jinja', 'tokenizer_config.json'];
  const files = new Map<string, string>();
  for (const name of names) {
    const text = await readPlainFile(`${dir}/${name}`);
    if (text !== undefined) files.set(name, text);
  }
  return await ChatTemplate.fromFiles(files).catch((error) => {
    throw error instanceof InputError ? new InputError(`${dir}/${error.message}`) : error;
  });
}

/**
 * The conversation as ids, without its oldest turns where it has outgrown the context; those are taken out of `messages`.
 * @returns null where the last message alone is too long, which is told
 */
function fitting(
  template: ChatTemplate,
  tokenizer: Tokenizer,
  messages: ChatMessage[],
  blockSize: number,
  out: CommandContext['out'],
): number[] | null {
  const encoded = () => template.encode(tokenizer, messages.slice(2 * left), { addGenerationPrompt: true });
  let left = 0;
  let ids = encoded();
  // An answer wants room too.
  while (ids.length >= blockSize && messages.length > 2 * left + 1) {
    left++;
    ids = encoded();
  }
  if (ids.length >= blockSize) {
    // What was said before stays.
    out.warn(
      `message: found ${ids.length} tokens, the context holds ${blockSize}, with room for an answer. Shorten it.`,
    );
    return null;
  }
  if (ids.length === 0)
    throw new InputError(
      '--chat: found a chat template that makes no text of a message, expected one that holds what was said. Take another template.',
    );
  messages.splice(0, 2 * left);
  if (left > 0)
    out.note(
      `the conversation has outgrown the context of ${blockSize} tokens: its first ${left === 1 ? 'turn is' : `${left} turns are`} left out.`,
    );
  return ids;
}

async function answer(
  { out, signal }: CommandContext,
  given: GenerateFlags & { seed: number },
  { tokenizer, eosIds }: Generation,
  generator: TokenGenerator,
  promptIds: number[],
): Promise<string> {
  const decoder = tokenizer!.decoder(promptIds);
  const text = new StopText(given.stop);
  const ids: number[] = [];
  const clock = new DecodeClock();
  for await (const { id } of generator.generate(promptIds, { ...given, eosId: eosIds, reuse: true })) {
    ids.push(id);
    clock.token();
    if (ends(id, eosIds)) break;
    out.stream(text.push(decoder.push(id)));
    if (text.stopped || signal.requested || out.stdoutClosed) break;
  }
  if (!text.stopped) out.stream(text.end(decoder.end()));
  out.emit({ text: text.text, ids, promptIds, tokensPerSecond: clock.tokensPerSecond });
  out.print();
  return text.text;
}
