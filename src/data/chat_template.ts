// Chat templates: how a conversation becomes the text that a model was tuned on. The Jinja interpreter is Hugging Face's
// (@huggingface/jinja, loaded when the first template is opened); here are the limits it runs under, and the way in which what a message
// says never becomes a control token.
import { described, type JsonObject, type JsonValue, parseJson, quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';
import { markedMessages } from './chat_marks.ts';
import { compileTemplate, type Render } from './chat_render.ts';
import { tokenNamed } from './hub_tokenizer_file.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface ChatMessage {
  /** `system`, `user`, `assistant`, or another word that the template knows. */
  readonly role: string;
  readonly content: string;
}

export interface ChatOptions {
  /** Whether the text ends where the assistant's answer begins. Default false. */
  readonly addGenerationPrompt?: boolean;
}

const CONFIG = 'tokenizer_config.json';
const JINJA = 'chat_template.jinja';

export class ChatTemplate {
  /** In Jinja. */
  readonly source: string;
  readonly #render: Render;
  readonly #tokens: Readonly<Record<string, string>>;

  private constructor(source: string, render: Render, tokens: Readonly<Record<string, string>>) {
    this.source = source;
    this.#render = render;
    this.#tokens = tokens;
  }

  /**
   * The template of a tokenizer's files, see templateIn.
   * @param files name -> text, as `Tokenizer.files` gives them
   * @returns null where there is none
   * @throws InputError for a malformed file or template
   */
  static async fromFiles(files: ReadonlyMap<string, string>): Promise<ChatTemplate | null> {
    const config = tokenizerConfig(files);
    const found = templateIn(files, config);
    return found && ChatTemplate.fromText(found.source, tokensOf(config), found.where);
  }

  /**
   * @param source in Jinja   @param tokens what the template may name, such as `bos_token`   @param where opens every message
   * @throws InputError for over 64 Ki characters, and for faults of syntax, with their line
   */
  static async fromText(
    source: string,
    tokens: Readonly<Record<string, string>> = {},
    where = JINJA,
  ): Promise<ChatTemplate> {
    return new ChatTemplate(source, await compileTemplate(source, where), tokens);
  }

  /**
   * The conversation as text.
   * @throws InputError in the template's own words where it refuses the messages; for a role that is no word; for a template
   *   that takes too long or makes too much text
   */
  render(messages: readonly ChatMessage[], { addGenerationPrompt = false }: ChatOptions = {}): string {
    messages.forEach(({ role }, i) => {
      // A role goes into the template's own text, where control tokens are.
      if (!/^\p{L}[\p{L}\p{N}_]*$/u.test(role))
        throw new InputError(
          `message ${i + 1}: role: found ${quoted(role)}, expected a word such as system, user or assistant.`,
        );
    });
    const plain = messages.map((message) => ({ ...message }));
    return this.#render({ ...this.#tokens, messages: plain, add_generation_prompt: addGenerationPrompt });
  }

  /**
   * The conversation as ids: those of `render`, where the control tokens of the template are ids of their own and the same texts in a
   * message are text, but for those that answers hold, such as <think>, in what the assistant says. Nothing is put before it: templates
   * write the token that begins a text.
   * @throws InputError as `render`, and for a template that rewrites a message with control tokens in it
   */
  encode(tokenizer: Tokenizer, messages: readonly ChatMessage[], options: ChatOptions = {}): number[] {
    return this.encodeParts(tokenizer, messages, [], options)[0]!;
  }

  /**
   * As `encode`, with the text of `render` cut into parts, each encoded by itself: no token stands in two of them.
   * @param cuts positions in that text, ascending, inside no control token
   */
  encodeParts(
    tokenizer: Tokenizer,
    messages: readonly ChatMessage[],
    cuts: readonly number[],
    options: ChatOptions = {},
  ): number[][] {
    const text = this.render(messages, options);
    const isControl = this.#controlIn(text, tokenizer, messages, options);
    return [...cuts, text.length].map((to, i) => {
      const cut = cuts[i - 1] ?? 0;
      // Some tokenizers put a space behind a control token: they have to see it.
      const before = (tokenizer.specialTokens ?? []).filter(
        (token) => text.endsWith(token, cut) && isControl(cut - token.length, cut),
      );
      const from = Math.min(cut, ...before.map((token) => cut - token.length));
      const ids = tokenizer.encode(text.slice(from, to), {
        allowSpecial: (begin, end) => isControl(from + begin, from + end),
        continues: from > 0,
      });
      return from === cut ? ids : ids.slice(1);
    });
  }

  /** Whether what stands in the text from one position up to another is the template's own. */
  #controlIn(
    text: string,
    tokenizer: Tokenizer,
    messages: readonly ChatMessage[],
    options: ChatOptions,
  ): (from: number, to: number) => boolean {
    const special = tokenizer.specialTokens ?? [];
    if (!messages.some(({ content }) => content !== '') || special.length === 0) return () => true;
    // A template may look at what a message says. Marking less lets it see more.
    for (const what of ['all characters', 'whole tokens'] as const) {
      const marks = markedMessages(messages, tokenizer, text, what);
      const ours = marks?.read(this.render(marks.messages, options));
      if (ours?.text === text) return (from, to) => !ours.anyMarked(from, to);
    }
    throw new InputError(
      'chat template: found a message with control tokens in it that the template rewrites, expected it as it was written. ' +
        `Leave out ${special.find((token) => messages.some(({ content }) => content.includes(token))) ?? 'them'}.`,
    );
  }
}

/** Special tokens that the configuration names: bos_token, eos_token and others. */
function tokensOf(config: JsonObject): Record<string, string> {
  const tokens: [string, string][] = [];
  for (const key of config.keys()) {
    const token = key.endsWith('_token') ? tokenNamed(config, key) : undefined;
    if (token !== undefined) tokens.push([key, token]);
  }
  return Object.fromEntries(tokens);
}

/** tokenizer_config.json, empty where there is none. @throws InputError for a malformed file */
export function tokenizerConfig(files: ReadonlyMap<string, string>): JsonObject {
  const text = files.get(CONFIG);
  const config = text === undefined ? new Map() : parseJson(text, CONFIG);
  if (config instanceof Map) return config;
  throw new InputError(`${CONFIG}: found ${described(config)}, expected an object. Fetch the file again.`);
}

/**
 * A template's text: chat_template.jinja, else `chat_template` of tokenizer_config.json, of several the default one.
 * @returns null where there is none   @throws InputError for something else under that key
 */
export function templateIn(
  files: ReadonlyMap<string, string>,
  config: JsonObject,
): { source: string; where: string } | null {
  const file = files.get(JINJA);
  if (file !== undefined) return { source: file, where: JINJA };
  const source = templateOf(config.get('chat_template') ?? null);
  return source === null ? null : { source, where: `${CONFIG}: chat_template` };
}

function templateOf(value: JsonValue): string | null {
  if (value === null || typeof value === 'string') return value;
  const named = (Array.isArray(value) ? value : []).filter((entry) => entry instanceof Map);
  const entry = named.find((each) => each.get('name') === 'default') ?? named[0];
  const template = entry?.get('template');
  if (typeof template === 'string') return template;
  throw new InputError(
    `${CONFIG}: chat_template: found ${described(value)}, expected a template or a list of them with names. Fetch the file again.`,
  );
}
