// Answers to many prompts of different lengths: those of about one length side by side, each as long as the context lets it be.
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
  for (let from = 0; from < order.length; from += rows) {
    const group = order.slice(from, from + rows);
    const fitting = group.filter((i) => prompts[i]!.length <= model.blockSize);
    const made = new Map(group.map((i) => [i, [] as number[]]));
    if (fitting.length > 0) {
      const longest = prompts[fitting.at(-1)!]!.length;
      const options = {
        temperature: 0,
        eosId,
        dtype,
        maxNewTokens: Math.min(maxNewTokens, model.blockSize - longest + 1),
      };
      const texts = fitting.map((i) => prompts[i]!);
      for await (const step of generateSeveral(machine, model, texts, options)) {
        step.forEach((id, b) => {
          if (id !== null && !ends(id, eosId)) made.get(fitting[b]!)!.push(id);
        });
        if (stop()) return;
      }
    }
    for (const [prompt, ids] of made) yield { prompt, ids };
  }
}
