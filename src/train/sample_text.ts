// The texts that a run writes on the way, so that people see what it has learned.
import type { Tokenizer } from '../data/tokenizer.ts';
import type { TokenGenerator } from '../generate/generate.ts';
import type { TokenText } from './corpus_data.ts';
import { PROMPT_TOKENS, SAMPLE_TOKENS } from './run_plans.ts';

/** Ids the samples begin with: the prompt, else the first tokens of the validation part. @throws InputError for unknown characters */
export function samplePrompt(
  prompt: string | undefined | null,
  corpus: Pick<TokenText, 'tokenizer' | 'validation' | 'validationLength'>,
): number[] {
  if (prompt) return corpus.tokenizer.encode(prompt);
  return [...corpus.validation(0, Math.min(PROMPT_TOKENS, corpus.validationLength))];
}

/** What the model makes of a prompt, the prompt included. */
export async function sampleText(
  generator: TokenGenerator,
  { tokenizer }: { readonly tokenizer: Tokenizer },
  prompt: readonly number[],
  seed: number,
  stop: () => boolean,
): Promise<string> {
  const decoder = tokenizer.decoder(prompt);
  let sample = tokenizer.decode(prompt);
  for await (const { id } of generator.generate(prompt, { maxNewTokens: SAMPLE_TOKENS, temperature: 0.8, seed })) {
    sample += decoder.push(id);
    if (stop()) break;
  }
  return sample + decoder.end();
}
