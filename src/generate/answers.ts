// Answers to many prompts of different lengths: those of about one length side by side, each as long as the context lets it be by itself.
import type { Machine } from '../autograd/machine.ts';
import type { LanguageModel } from '../nn/model.ts';
import { ends } from './generate.ts';
import { generateSeveral, type SeveralOptions } from './several.ts';

export interface AnswersOptions extends Pick<SeveralOptions, 'eosId' | 'dtype'> {
  maxNewTokens: number;
  /** Prompts side by side. Default 8. */
  rows?: number;
  /** Asked after every token: whether to give up, so that no more answers come. */
  stop?: (() => boolean) | undefined;
}

/** The new ids of one prompt, without the one that ended them. */
export interface Answer {
  /** Number of the prompt. */
  prompt: number;
  ids: readonly number[];
}

/**
 * Greedy continuations, those of short prompts first. A prompt that fills the context alone, or more, has an empty one.
 * @throws InputError as generateSeveral
 */
export async function* answers(
  machine: Machine,
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  { maxNewTokens, rows = 8, eosId = null, dtype = 'f32', stop = () => false }: AnswersOptions,
): AsyncGenerator<Answer> {
  const order = prompts.map((_, i) => i).sort((a, b) => prompts[a]!.length - prompts[b]!.length || a - b);
  const roomOf = (i: number) => Math.max(0, Math.min(maxNewTokens, model.blockSize - prompts[i]!.length + 1));
  let group: number[] = [];
  for (const [at, i] of order.entries()) {
    group.push(i);
    const room = roomOf(i);
    const next = order[at + 1];
    // Beside a longer prompt an answer would have less room than alone.
    if (group.length < rows && next !== undefined && roomOf(next) === room) continue;
    const made = group.map((): number[] => []);
    if (room > 0) {
      const texts = group.map((prompt) => prompts[prompt]!);
      const options = { temperature: 0, eosId, dtype, maxNewTokens: room };
      for await (const step of generateSeveral(machine, model, texts, options)) {
        step.forEach((id, b) => {
          if (id !== null && !ends(id, eosId)) made[b]!.push(id);
        });
        if (stop()) return;
      }
    }
    for (const [b, prompt] of group.entries()) yield { prompt, ids: made[b]! };
    group = [];
  }
}
