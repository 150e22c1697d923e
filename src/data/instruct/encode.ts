// A conversation becomes ids, and each of them is known to be an answer's or not. A prompt is encoded as it will be when the model is to
// answer it, and what follows by itself, so that no token reaches over the border between them.
import { quoted } from '../../checkpoint/json.ts';
import { InputError } from '../../errors.ts';
import type { ChatMessage, ChatTemplate } from '../chat_template.ts';
import { SpecialFinder } from '../pieces.ts';
import { promptIds, type Tokenizer } from '../tokenizer.ts';
import { ALPACA_HEADINGS, alpacaPrompt, alpacaTemplate } from './alpaca.ts';
import type { Example } from './examples.ts';

export interface Part {
  readonly ids: readonly number[];
  /** Whether it is what the model is to say: an answer with the token that ends it. */
  readonly answer: boolean;
}

/** Which answers of a conversation are learned. */
export type Turns = 'all' | 'last';

export type PromptForm = 'chat template' | 'Alpaca' | 'none';

/** What people are told behind the name of a form of rows. */
export const PROMPT_WORDS: Readonly<Record<PromptForm, string>> = {
  'chat template': "in the model's chat template",
  Alpaca: "in Alpaca's prompt",
  none: 'as they stand',
};

/** Makes parts of examples, with one tokenizer and perhaps the chat template of one model. */
export class ExampleEncoder {
  readonly tokenizer: Tokenizer;
  /** Ids that end an answer: none that is learned goes on behind a control token. */
  readonly endIds: readonly number[];
  readonly #template: ChatTemplate | null;
  readonly #turns: Turns;
  readonly #typed: SpecialFinder;
  /** The template is Alpaca's prompt, which has a place of its own for the input of Alpaca's rows. */
  readonly #isAlpaca: boolean;

  /** @param template without one there is Alpaca's prompt, which holds one question and one answer */
  constructor(tokenizer: Tokenizer, template: ChatTemplate | null = null, turns: Turns = 'all') {
    const { specialTokens: special = [], answerTokens = [] } = tokenizer;
    this.tokenizer = tokenizer;
    this.#template = template;
    this.#turns = turns;
    const ends = special.filter((token) => !answerTokens.includes(token)).map((token) => idOfToken(tokenizer, token));
    this.endIds = [...new Set([...ends, tokenizer.eosId])].filter((id) => id !== undefined && id !== null);
    this.#typed = new SpecialFinder([...special, ...ALPACA_HEADINGS]);
    this.#isAlpaca =
      template !== null && alpacaStarts(tokenizer).some((start) => template.source === alpacaAs(start, tokenizer));
  }

  /**
   * The whole conversation; an empty answer is no part that is learned.
   * @throws InputError naming the row: for what the template refuses or writes otherwise once the conversation goes on, for more than
   *   one question without a template, and for characters that the tokenizer lacks
   */
  parts(example: Example): Part[] {
    return this.#named(example, () => this.#parts(example).filter(({ ids }) => ids.length > 0));
  }

  /** What stands in front of the last answer. @throws InputError as `parts` */
  prompt(example: Example): number[] {
    return this.#named(example, () => {
      if (this.usesTemplate(example))
        return this.#template!.encode(this.tokenizer, spoken(example).slice(0, -1), { addGenerationPrompt: true });
      return this.#plainPrompt(example);
    });
  }

  /** How often messages hold the text of a control token, or of a heading of Alpaca's prompt: it stays text. */
  typed({ messages, input = '' }: Example): number {
    const texts = [...messages.map(({ content }) => content), input];
    return texts.reduce((sum, text) => sum + [...this.#typed.split(text)].length - 1, 0);
  }

  /** Alpaca's prompt as the chat template of a model that was tuned on it; null where no template has the same ids. */
  alpacaTemplate(): string | null {
    const { tokenizer } = this;
    const prompt = alpacaPrompt('');
    const expected = promptIds(tokenizer, prompt).join();
    const start = alpacaStarts(tokenizer).find(
      (start) => tokenizer.encode(start + prompt, { allowSpecial: true }).join() === expected,
    );
    return start === undefined ? null : alpacaAs(start, tokenizer);
  }

  /** Whether the chat template writes it, or else the prompt of Alpaca, or nobody. */
  usesTemplate({ input, verbatim = false }: Example): boolean {
    return this.#template !== null && !verbatim && !(this.#isAlpaca && input !== undefined);
  }

  /** What is put around the question. */
  promptForm(example: Example): PromptForm {
    if (this.usesTemplate(example)) return 'chat template';
    return example.verbatim ? 'none' : 'Alpaca';
  }

  #parts(example: Example): Part[] {
    if (this.usesTemplate(example)) return this.#chatParts(example, this.#template!);
    const { tokenizer } = this;
    const prompt = { ids: this.#plainPrompt(example), answer: false };
    const { content } = example.messages.at(-1)!;
    if (content === '') return [prompt];
    const end = tokenizer.eosId === null ? [] : [tokenizer.eosId];
    return [prompt, { ids: [...tokenizer.encode(content, { continues: true }), ...end], answer: true }];
  }

  /** @throws InputError as alpacaText, and for a prompt without a token */
  #plainPrompt(example: Example): number[] {
    const ids = promptIds(this.tokenizer, example.verbatim ? example.messages[0]!.content : alpacaText(example));
    if (ids.length > 0) return ids;
    throw new InputError('found a prompt without a token, expected a text to answer. Correct the row.');
  }

  #chatParts(example: Example, template: ChatTemplate): Part[] {
    const [messages, asked] = [spoken(example), example.asked ?? 0];
    const whole = template.render(messages);
    const cuts: number[] = [];
    messages.forEach(({ role, content }, i) => {
      const last = i === messages.length - 1;
      if (role !== 'assistant' || content === '' || i < asked || (this.#turns === 'last' && !last)) return;
      for (const text of [
        template.render(messages.slice(0, i), { addGenerationPrompt: true }),
        last ? whole : template.render(messages.slice(0, i + 1)),
      ]) {
        if (!whole.startsWith(text) || text.length < (cuts.at(-1) ?? 0)) throw rewritten(i, last);
        cuts.push(text.length);
      }
    });
    const parts = template.encodeParts(this.tokenizer, messages, cuts);
    return parts.flatMap((ids, i) => (i % 2 === 0 ? [{ ids, answer: false }] : this.#ended(ids)));
  }

  /** An answer up to the control token that ends it: what templates write behind that, such as a line break, is never generated. */
  #ended(ids: readonly number[]): Part[] {
    const end = ids.findLastIndex((id) => this.endIds.includes(id)) + 1 || ids.length;
    return [
      { ids: ids.slice(0, end), answer: true },
      { ids: ids.slice(end), answer: false },
    ];
  }

  #named<T>({ where }: Example, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(`${where}: ${error.message}`, { cause: error });
    }
  }
}

/** What may stand before Alpaca's prompt: some tokenizers put a space before a text, and none behind a control token. */
function alpacaStarts(tokenizer: Tokenizer): string[] {
  const begin = tokenizer.decode(tokenizer.startIds ?? []);
  return [begin, `${begin} `];
}

function alpacaAs(start: string, tokenizer: Tokenizer): string {
  const { eosId } = tokenizer;
  return alpacaTemplate(start, eosId === null ? '' : tokenizer.decode([eosId]));
}

/** The id of a control token, where one id is all that it is. */
export function idOfToken(tokenizer: Tokenizer, token: string): number | undefined {
  const ids = tokenizer.encode(token, { allowSpecial: true, continues: true });
  return ids.length === 1 ? ids[0] : undefined;
}

/**
 * The messages as a chat template takes them: the input of an Alpaca row stands on a line of its own behind the instruction, as in
 * LLaMA-Factory (Zheng et al. 2024, arXiv:2403.13372).
 */
function spoken({ messages, input = '' }: Example): readonly ChatMessage[] {
  if (input === '') return messages;
  const asked = messages.findLastIndex(({ role }) => role === 'user');
  return messages.map((message, i) =>
    i === asked ? { ...message, content: `${message.content}\n${input}` } : message,
  );
}

/** @throws InputError for more than a question and an answer, perhaps with a system turn before */
function alpacaText({ messages, input }: Example): string {
  const [system, user] = messages[0]!.role === 'system' ? messages : [undefined, messages[0]!];
  const asked = messages.slice(system ? 1 : 0);
  if (asked.length !== 2 || user!.role !== 'user') {
    const roles = messages.map(({ role }) => role).join(', ');
    throw new InputError(
      `found a conversation of ${quoted(roles)} for Alpaca's prompt, expected one question and one answer. Take a model with a chat template (--prompt-format template), or rows of one turn.`,
    );
  }
  return alpacaPrompt(user!.content, input, system?.content);
}

function rewritten(i: number, last: boolean): InputError {
  const found = `message ${i + 1}: the chat template writes the text around this answer otherwise when the conversation goes on`;
  const advice = last ? 'Take another template.' : 'Learn the last answer of each row alone (--turns last).';
  return new InputError(`${found}, expected the same text, to know which tokens are the answer's. ${advice}`);
}
