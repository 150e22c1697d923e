// Who writes in a lesson: the model that is taught, and the one that it began from, so that both can be asked the same.

import type { LanguageRun } from '../../src/finetune/opened.ts';
import { type ChatTemplate, InputError, promptIds, TokenGenerator, type Tokenizer } from '../../src/index.ts';
import type { Command } from '../protocol.ts';
import type { Writer, Writers } from './any_run.ts';
import type { BaseModel } from './base_model.ts';
import { copiedGenerator } from './copied_model.ts';
import type { Home } from './home.ts';
import type { LessonSpec } from './lesson_spec.ts';
import { endsOf } from './plain_form.ts';
import { beginning } from './prompts.ts';

type Request = Extract<Command, { type: 'generate' }>;

export function lessonWriters(home: Home, made: LanguageRun, spec: LessonSpec): Writers {
  const { tokenizer, template, base } = spec;
  const { blockSize } = made.language;
  const asked = textWriter({ tokenizer, template, ids: base.ids }, blockSize);
  const refuse = () => {
    throw new InputError('prompt: this lesson teaches classes, expected a text to put into one. Ask for its class.');
  };
  const tuned: Writer = made.model.classifier
    ? { ...asked, ids: refuse, generator: () => made.generator }
    : { ...asked, generator: () => made.generator };
  return { tuned, base: { ...asked, ...baseGenerator(home, made, spec) } };
}

/** How a model is asked: a prompt that it goes on with, or a conversation where it has a form for one. */
export function textWriter(
  { tokenizer, template, ids }: Pick<BaseModel, 'tokenizer' | 'template' | 'ids'>,
  blockSize: number,
): Omit<Writer, 'generator'> {
  return {
    tokenizer,
    endIds: endsOf(tokenizer, ids.eosTokenIds.length > 0 ? ids.eosTokenIds : endOf(tokenizer), template),
    ids: (request) => idsOf(request, tokenizer, template, blockSize),
  };
}

function endOf({ eosId }: Tokenizer): readonly number[] {
  return eosId === null ? [] : [eosId];
}

/** A prompt, or a conversation in the model's own form, without its oldest turns where it has outgrown the context. */
export function idsOf(
  { prompt, messages }: Request,
  tokenizer: Tokenizer,
  template: ChatTemplate | null,
  blockSize: number,
): number[] {
  if (!messages) return prompt === '' ? beginning(tokenizer) : promptIds(tokenizer, prompt);
  if (!template)
    throw new InputError(
      'messages: this model has no form for conversations, expected a prompt. Teach it to answer first, or write a text that it goes on with.',
    );
  const encoded = (left: number) => template.encode(tokenizer, messages.slice(2 * left), { addGenerationPrompt: true });
  let left = 0;
  let ids = encoded(left);
  while (ids.length >= blockSize && messages.length > 2 * left + 1) ids = encoded(++left);
  if (ids.length < blockSize) return ids;
  throw new InputError(
    `message: found ${ids.length} tokens, the context holds ${blockSize}, with room for an answer. Shorten it.`,
  );
}

/** Under an adapter the base is there; one that is trained whole has become another, and is loaded beside it while somebody asks. */
function baseGenerator(
  home: Home,
  { base, language, settings }: LanguageRun,
  spec: LessonSpec,
): Required<Pick<Writer, 'generator' | 'rest'>> {
  if (base === language) return copiedGenerator(home, spec.base, settings.dtype);
  let generator: TokenGenerator | null = null;
  return {
    rest() {
      generator?.release();
      generator = null;
    },
    generator: () => (generator ??= new TokenGenerator(home.machine, base, settings.dtype)),
  };
}
