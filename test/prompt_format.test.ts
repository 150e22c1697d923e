// --prompt-format: what questions are put to a model in while it is tuned is what they are put in afterwards, wherever it is asked.
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alpacaPrompt } from '../src/data/instruct/alpaca.ts';
import { run, type Said } from './harness/inside.ts';
import { listing, scratchFolder, start, tiny } from './harness/program.ts';
import { text } from './harness/tiny_training.ts';

const place = scratchFolder();
const TEMPLATE =
  "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
const words = text.split(/\s+/).filter(Boolean);
const some = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => words[(from + i) % words.length]!).join(' ');

beforeAll(async () => {
  const sizes = ['--context', '256', '--tokenizer', 'byte', '--layers', '1', '--width', '16'];
  const data = place.at('long.txt');
  fs.writeFileSync(data, text.repeat(9));
  const none = ['--steps', '2', '--eval-every', '0', '--sample-every', '0', '--quiet'];
  const { code, stderr } = await run(['pretrain', ...tiny(sizes), '--data', data, ...none, '--out', place.at('plain')]);
  if (code !== 0) throw new Error(stderr);
  fs.cpSync(place.at('plain/step-000002'), place.at('chat'), { recursive: true });
  fs.writeFileSync(place.at('chat/chat_template.jinja'), TEMPLATE);
  const asks = Array.from({ length: 20 }, (_, i) => ({ instruction: some(i, 2), input: 'x', output: some(3 * i, 2) }));
  fs.writeFileSync(place.at('asks.json'), JSON.stringify(asks));
  const pairs = asks.map(({ output, ...ask }, i) => ({ ...ask, chosen: output, rejected: some(5 * i + 2, 3) }));
  fs.writeFileSync(place.at('pairs.json'), JSON.stringify(pairs));
  const texts = asks.map(({ instruction, output }) => ({ prompt: instruction, completion: output }));
  fs.writeFileSync(place.at('texts.json'), JSON.stringify(texts));
});
afterAll(() => place.remove());

const finetune = (task: string, model: string, data: string, out: string, ...more: string[]) =>
  run([
    ...['finetune', '--task', task, '--model', place.at(model), '--data', place.at(data), '--out', place.at(out)],
    ...['--steps', '2', '--batch', '2', '--json', ...more],
  ]);
const sampleOf = ({ lines }: Said) => lines.findLast(({ event }) => event === 'sample')!.text as string;
const step = (out: string, n = 2) => place.at(`${out}/step-00000${n}`);
const templateIn = (dir: string) => fs.readFileSync(`${dir}/chat_template.jinja`, 'utf8');
const savedFormat = (dir: string) => JSON.parse(fs.readFileSync(`${dir}/training.json`, 'utf8')).settings.promptFormat;

/** The text of the prompt that a conversation begins with. */
async function asked(dir: string): Promise<string> {
  const words = ['--model', dir, '--chat', '--temperature', '0', '--max-new-tokens', '1'];
  const { code, lines, stderr } = await start('generate', words, { input: 'Ahoy\n' });
  expect(code, stderr).toBe(0);
  return Buffer.from(lines[0]!.promptIds as number[]).toString();
}

test("the model's own chat template where it has one, which is told", async () => {
  const said = await finetune('instruct', 'chat', 'asks.json', 'own', '--sample-every', '2');
  expect(said.code, said.stderr).toBe(0);
  expect(said.stderr.replace(/\s+/g, ' ')).toContain(
    "questions are put in the model's chat template; --prompt-format alpaca takes",
  );
  expect(sampleOf(said)).toMatch(/^user: .+\nx\nassistant: /);
  expect([savedFormat(step('own')), templateIn(step('own'))]).toEqual(['template', TEMPLATE]);
  expect(await asked(place.at('own'))).toBe('user: Ahoy\nassistant: ');
});

test("Alpaca's prompt where it is asked for: in samples, when the run goes on, in conversations, once merged", async () => {
  const more = ['--prompt-format', 'alpaca', '--sample-every', '1', '--lora-r', '2'];
  const said = await finetune('instruct', 'chat', 'asks.json', 'alpaca', ...more);
  expect(said.code, said.stderr).toBe(0);
  expect(said.stderr).not.toContain('questions are put');
  expect(sampleOf(said)).toContain('### Input:\nx\n\n### Response:\n');
  expect(savedFormat(step('alpaca'))).toBe('alpaca');
  expect(await asked(place.at('alpaca'))).toBe(alpacaPrompt('Ahoy'));

  const other = await run(['finetune', '--resume', place.at('alpaca'), '--steps', '3', '--prompt-format', 'template']);
  expect([other.code, other.errors[0]]).toEqual([
    2,
    expect.stringMatching(/^--prompt-format: found template, .*alpaca/),
  ]);
  const again = await run(['finetune', '--resume', place.at('alpaca'), '--steps', '3', '--json', '--quiet']);
  expect(again.code, again.stderr).toBe(0);
  expect(sampleOf(again)).toContain('### Input:\nx\n\n### Response:\n');
  expect([savedFormat(step('alpaca', 3)), templateIn(step('alpaca', 3))]).toEqual([
    'alpaca',
    templateIn(step('alpaca')),
  ]);

  const merged = await run(['convert', '--model', place.at('alpaca'), '--out', place.at('merged')]);
  expect(merged.code, merged.stderr).toBe(0);
  expect(await asked(place.at('merged'))).toBe(alpacaPrompt('Ahoy'));
});

test('preferences are put as instructions are', async () => {
  const own = await finetune('prefer', 'chat', 'pairs.json', 'prefer-own', '--show-mask', '1');
  const alpaca = await finetune(
    'prefer',
    'chat',
    'pairs.json',
    'prefer',
    '--prompt-format',
    'alpaca',
    '--show-mask',
    '1',
  );
  const begins = ({ lines }: Said) =>
    Buffer.from(lines.find(({ event }) => event === 'mask')!.ids as number[]).toString();
  expect(begins(own)).toMatch(/^user: .+\nx\nassistant: /);
  expect(begins(alpaca)).toContain('### Input:\nx\n\n### Response:\n');
  expect(await asked(place.at('prefer'))).toBe(alpacaPrompt('Ahoy'));
  // On a model that was tuned on Alpaca's prompt it is the one of its template.
  const tuned = await finetune('instruct', 'plain', 'asks.json', 'tuned');
  expect([tuned.code, savedFormat(step('tuned'))]).toEqual([0, 'alpaca']);
  const next = await finetune('prefer', 'tuned', 'pairs.json', 'next', '--show-mask', '1');
  expect(begins(next)).toBe(begins(alpaca));
  expect(await asked(place.at('next'))).toBe(alpacaPrompt('Ahoy'));
});

test.each([
  ['plain', 'asks.json', 'template', /^--prompt-format: found template, but the model has no chat template/],
  ['chat', 'texts.json', 'alpaca', /^--prompt-format: found beside prompts and completions that are texts/],
])('on %s with %s %s is refused, and nothing is written', async (model, data, format, sentence) => {
  const before = listing(place.folder);
  const said = await finetune('instruct', model, data, 'never', '--prompt-format', format);
  expect([said.code, said.errors[0]]).toEqual([2, expect.stringMatching(sentence)]);
  expect(listing(place.folder)).toEqual(before);
});
