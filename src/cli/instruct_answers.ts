// What a tuned model answers to the examples that it was not trained on, as a file to judge it by.
import type { Machine } from '../autograd/machine.ts';
import { diskLayer, replaceFile } from '../checkpoint/files.ts';
import { answersJson } from '../data/instruct/answers.ts';
import type { ExampleEncoder } from '../data/instruct/encode.ts';
import type { Example } from '../data/instruct/examples.ts';
import { type AnswersOptions, answers } from '../generate/answers.ts';
import type { LanguageModel } from '../nn/model.ts';

export interface AnsweringOptions extends Omit<AnswersOptions, 'eosId'> {
  /** Told how many are answered. */
  onAnswer?: ((done: number, of: number) => void) | undefined;
}

/**
 * Answers examples greedily and writes them with `model_response` beside their own keys, see answersJson().
 * @param folder where the file `name` is replaced at once, when all is answered
 * @returns how many prompts left no room for an answer, and have an empty one; null where `stop` said so, and nothing was written
 * @throws InputError as the encoder and answers(); what the disk throws
 */
export async function writeAnswers(
  machine: Machine,
  model: LanguageModel,
  encoder: ExampleEncoder,
  examples: readonly Example[],
  { folder, name }: { folder: string; name: string },
  { onAnswer, ...options }: AnsweringOptions,
): Promise<number | null> {
  const prompts = examples.map((example) => encoder.prompt(example));
  const texts = examples.map(() => '');
  let done = 0;
  for await (const { prompt, ids } of answers(machine, model, prompts, { ...options, eosId: encoder.endIds })) {
    const decoder = encoder.tokenizer.decoder(prompts[prompt]!);
    texts[prompt] = (ids.map((id) => decoder.push(id)).join('') + decoder.end()).trim();
    done++;
    onAnswer?.(done, examples.length);
  }
  if (done < examples.length) return null;
  await replaceFile(diskLayer, folder, name, new TextEncoder().encode(answersJson(examples, texts)));
  return prompts.filter(({ length }) => length > model.blockSize).length;
}
