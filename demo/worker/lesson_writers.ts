// Who writes in a lesson: the model that is taught, and the one that it began from, so that both can be asked the same.

import type { LanguageRun } from '../../src/finetune/opened.ts';
import {
  type ChatTemplate,
  InputError,
  loadModel,
  promptIds,
  TokenGenerator,
  type Tokenizer,
} from '../../src/index.ts';
import type { Command } from '../protocol.ts';
import type { Writer, Writers } from './any_run.ts';
import { bareModel } from './base_model.ts';
import { type Home, limitsOfPage } from './home.ts';
import type { LessonSpec } from './lesson_spec.ts';
import { endsOf } from './plain_form.ts';
import { beginning } from './prompts.ts';

type Request = Extract<Command, { type: 'generate' }>;

export function lessonWriters(home: Home, made: LanguageRun, spec: LessonSpec): Writers {
  const { tokenizer, template, base } = spec;
  const { blockSize } = made.language;
  const asked = {
    tokenizer,
    endIds: endsOf(tokenizer, base.ids.eosTokenIds.length > 0 ? base.ids.eosTokenIds : endOf(tokenizer), template),
    ids: (request: Request) => idsOf(request, tokenizer, template, blockSize),
  };
  const refuse = () => {
    throw new InputError('prompt: this lesson teaches classes, expected a text to put into one. Ask for its class.');
  };
  const tuned: Writer = made.model.classifier
    ? { ...asked, ids: refuse, generator: () => made.generator }
    : { ...asked, generator: () => made.generator };
  return { tuned, base: { ...asked, ...baseGenerator(home, made, spec) } };
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
): Pick<Writer, 'generator' | 'rest'> {
  const { machine } = home;
  const copied = base === language;
  let copy: ReturnType<typeof bareModel> | null = null;
  let generator: TokenGenerator | null = null;
  const rest = () => {
    generator?.release();
    if (copy) machine.release(copy.parameters);
    [generator, copy] = [null, null];
  };
  return {
    rest,
    async generator() {
      if (generator) return generator;
      if (!copied) return (generator = new TokenGenerator(machine, base, settings.dtype));
      refuseMisfit(home, 4 * spec.base.parameters);
      copy = bareModel(spec.base.config);
      try {
        await loadModel(machine, copy, spec.base.weights);
      } catch (error) {
        rest();
        throw error;
      }
      return (generator = new TokenGenerator(machine, copy, settings.dtype));
    },
  };
}

/** @throws InputError where so many more bytes do not fit */
function refuseMisfit(home: Home, bytes: number): void {
  const { total, says } = limitsOfPage(home);
  const live = home.device?.shared.buffers.liveBytes ?? 0;
  if (live + bytes <= total) return;
  throw new InputError(
    `base: the model before the lesson needs ${bytes} bytes more beside ${live}, ${says} ${total}. Ask the model that is taught alone.`,
  );
}
