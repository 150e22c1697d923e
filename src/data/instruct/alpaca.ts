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

/**
 * The same as a chat template, for models that were tuned on it: further questions follow the answer before.
 * @param start what begins a text, such as a control token   @param end the control token that ends an answer; '' for none
 */
export function alpacaTemplate(start: string, end: string): string {
  const [task, , response] = ALPACA_HEADINGS;
  const text = (literal: string) => JSON.stringify(literal);
  const asked = `{{ ${text(`\n\n${task}\n`)} + message['content'] }}`;
  const answered = `{{ ${text(`\n\n${response}\n`)} + message['content'] + ${text(end)} }}`;
  return (
    `{{ ${text(start)} }}{% if messages[0]['role'] != 'system' %}{{ ${text(WITHOUT_INPUT)} }}{% endif %}` +
    `{% for message in messages %}{% if message['role'] == 'user' %}${asked}{% elif message['role'] == 'assistant' %}${answered}` +
    `{% else %}{{ message['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ ${text(`\n\n${response}\n`)} }}{% endif %}`
  );
}
