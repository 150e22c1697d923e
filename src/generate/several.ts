// Several texts at once: each pass makes a token of all of them, so that the weights are read once for all.
import type { Machine, Output } from '../autograd/machine.ts';
import { bucket } from '../data/bucket.ts';
import { InputError } from '../errors.ts';
import type { LanguageModel } from '../nn/model.ts';
import type { Precision } from '../tensor/tensor.ts';
import { Decoder } from './decoder.ts';
import { ends, refuseIds } from './generate.ts';
import { chooseToken, refuseNaN, type SamplingOptions } from './sampling.ts';

export interface SeveralOptions extends SamplingOptions {
  maxNewTokens: number;
  /** A text ends after this token, or any of these. */
  eosId?: number | readonly number[] | null;
  /** Of values between layers and of the cache. Default f32. */
  dtype?: Precision;
}

/**
 * Continues several prompts, of whatever lengths. Each step gives the next token of every text, null where that has ended. Text b is
 * sampled with the seed + b.
 * @throws InputError for no prompts, as refuseIds, for texts that would outgrow the context, and where the model gives NaN
 */
export async function* generateSeveral(
  machine: Machine,
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: SeveralOptions,
): AsyncGenerator<(number | null)[]> {
  const { maxNewTokens, temperature, repetitionPenalty = 1, seed = 0, eosId, dtype = 'f32' } = options;
  if (prompts.length === 0) throw new InputError('generate: found no prompts, expected at least one.');
  for (const prompt of prompts) refuseIds(prompt, model);
  const capacity = roomFor(model, prompts, maxNewTokens);
  const decoder = new Decoder(machine, model, { rows: prompts.length, capacity, dtype });
  const onMachine = temperature === 0 && repetitionPenalty === 1;
  const wanted = onMachine ? 'token' : 'logits';
  const texts = prompts.map((prompt) => [...prompt]);
  const ended = prompts.map(() => false);
  /** Tokens of each text that are in the cache. */
  const starts = prompts.map((prompt) => prompt.length);
  const advance = () => starts.forEach((_, b) => void starts[b]!++);
  try {
    let out: Output = await decoder.feed(
      texts,
      texts.map(() => 0),
      wanted,
    );
    for (let i = 0; i < maxNewTokens; i++) {
      const reading = out.read();
      const last = i + 1 === maxNewTokens;
      if (onMachine && !last) {
        reading.catch(() => {});
        out = await decoder.feedChosen(starts, wanted);
        advance();
      }
      const values = await reading;
      const step = texts.map((text, b) => {
        if (ended[b]) return null;
        const logits = () => (values as Float32Array).subarray(b * model.vocabSize, (b + 1) * model.vocabSize);
        const id = onMachine ? refuseNaN(values[b]!) : chooseToken(logits(), text, i, { ...options, seed: seed + b });
        text.push(id);
        ended[b] = ends(id, eosId);
        return id;
      });
      yield step;
      if (ended.every(Boolean) || last) return;
      if (onMachine) continue;
      // A text that has ended stays where it is: nobody looks at it any more.
      out = await decoder.feed(
        texts.map((text) => text.slice(-1)),
        starts,
        wanted,
      );
      advance();
    }
  } finally {
    decoder.release();
  }
}

/**
 * Capacity for these prompts and so many new tokens each.
 * @throws InputError beyond the context: texts side by side are not cropped
 */
export function roomFor(model: LanguageModel, prompts: readonly (readonly number[])[], maxNewTokens: number): number {
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  // The last token is not fed any more.
  const most = longest + maxNewTokens - 1;
  if (most > model.blockSize)
    throw new InputError(
      `generate: a prompt of ${longest} tokens and ${maxNewTokens} new ones outgrow the context, which holds ${model.blockSize}. Ask for ${longest > model.blockSize ? 'less of the prompt' : `at most ${model.blockSize - longest + 1} new tokens`}.`,
    );
  return Math.min(model.blockSize, bucket(most));
}
