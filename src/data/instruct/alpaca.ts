// Alpaca's prompt: how an instruction is put to a model that has no chat template. Source: Taori et al. 2023, stanford_alpaca's
// README; the line break behind "### Response:" is that of alpaca-lora and of Raschka 2024, chapter 7: an answer begins on its own line.

const WITHOUT_INPUT =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';
const WITH_INPUT =
  'Below is an instruction that describes a task, paired with an input that provides further context. ' +
  'Write a response that appropriately completes the request.';

/** What begins each part of the prompt. */
export const ALPACA_HEADINGS: readonly string[] = ['### Instruction:', '### Input:', '### Response:'];

/**
 * The text that an answer follows.
 * @param input what the instruction is about; '' where it says all itself
 * @param system stands in place of the first sentence
 */
export function alpacaPrompt(instruction: string, input = '', system = input ? WITH_INPUT : WITHOUT_INPUT): string {
  const [task, context, response] = ALPACA_HEADINGS;
  return `${system}\n\n${task}\n${instruction}\n\n${input && `${context}\n${input}\n\n`}${response}\n`;
}
