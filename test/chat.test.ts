// generate --chat as a program: each line is a message, each turn an object, and what was said before stands in the cache.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeAdapterFolder } from './harness/adapter_files.ts';
import { run } from './harness/inside.ts';
import { type Line, scratchFolder, start, tiny } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());

/** In characters that the training text has. */
const TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}It {% endif %}";

beforeAll(async () => {
  const words = ['--data', place.data, '--steps', '10', '--eval-every', '10', '--sample-every', '0', '--json'];
  const { code, stderr } = await run(['pretrain', ...tiny(['--context', '64']), ...words, '--out', place.at('run')]);
  if (code !== 0) throw new Error(stderr);
  fs.cpSync(place.at('run/step-000010'), place.at('chat'), { recursive: true });
  fs.writeFileSync(place.at('chat/chat_template.jinja'), TEMPLATE);
});

const words = (folder: string) => ['--model', place.at(folder), '--temperature', '0', '--max-new-tokens', '6'];

describe('a conversation', () => {
  test('an object a turn; the second goes on from the first, and equals the same text continued', async () => {
    const { code, lines, stderr } = await start('generate', [...words('chat'), '--chat'], {
      input: 'It is\n\nis it\n',
    });
    expect(code, stderr).toBe(0);
    expect(lines.length).toBe(2);
    const [first, second] = lines as (Line & { text: string; ids: number[]; promptIds: number[] })[];
    expect(Object.keys(first!)).toEqual(['text', 'ids', 'promptIds', 'tokensPerSecond']);
    expect(first!.ids.length).toBe(6);
    expect(second!.promptIds.length).toBe('It is\n'.length + first!.text.length + '\nis it\nIt '.length);
    const alone = await run(['generate', ...words('chat'), '--json', '--prompt-ids', second!.promptIds.join(',')]);
    expect((alone.lines[0] as Line & { ids: number[] }).ids).toEqual(second!.ids);
  });

  test('a message that is too long is told of, and what was said before stays', async () => {
    const { code, lines, stderr } = await start('generate', [...words('chat'), '--chat'], {
      input: `It is\n${'is '.repeat(40)}\nis it\n`,
    });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('message: found 124 tokens, the context holds 64, with room for an answer. Shorten it.');
    const [first, second] = lines as (Line & { text: string; promptIds: number[] })[];
    expect(lines.length).toBe(2);
    expect(second!.promptIds.length).toBe('It is\n'.length + first!.text.length + '\nis it\nIt '.length);
  });

  test('with an adapter it is held by both, with the template of the base', async () => {
    const config = JSON.parse(fs.readFileSync(place.at('chat/config.json'), 'utf8')) as object;
    const tokenizer = { 'tokenizer.json': fs.readFileSync(place.at('chat/tokenizer.json'), 'utf8') };
    const strong = { alpha: 300, targets: ['all-linear'] };
    const base = place.at('chat');
    const adapter = await writeAdapterFolder(place.at('adapter'), config, strong, { base }, tokenizer);
    const both = [...words('chat'), '--adapter-weights', adapter];
    const { code, lines, stderr } = await start('generate', [...both, '--chat'], { input: 'It is\n' });
    expect([code, lines.length], stderr).toEqual([0, 1]);
    const [said] = lines as (Line & { ids: number[]; promptIds: number[] })[];
    expect(said!.promptIds.length).toBe('It is\nIt '.length);
    const continued = async (given: readonly string[]) =>
      (await run(['generate', ...given, '--json', '--prompt-ids', said!.promptIds.join(',')])).lines[0]!.ids;
    expect(await continued(both)).toEqual(said!.ids);
    expect(await continued(words('chat'))).not.toEqual(said!.ids);
  });

  test('a template that makes no text is refused', async () => {
    fs.cpSync(place.at('chat'), place.at('silent'), { recursive: true });
    fs.writeFileSync(place.at('silent/chat_template.jinja'), '{{ nothing }}');
    fs.rmSync(place.at('silent/manifest.json'), { force: true });
    const { code, stderr } = await start('generate', [...words('silent'), '--chat'], { input: 'It is\n' });
    expect(stderr).toContain('--chat: found a chat template that makes no text of a message');
    expect(code).toBe(2);
  });

  test('what a conversation cannot be is said before it begins', async () => {
    const said = async (...more: string[]) => {
      const { code, errors } = await run(['generate', ...more]);
      return [code, errors[0]];
    };
    expect(await said(...words('run'), '--chat')).toEqual([
      2,
      expect.stringMatching(/^--chat: .*step-000010 has no chat template, expected chat_template\.jinja, or/),
    ]);
    expect(await said(...words('chat'), '--chat', '--prompt', 'It')).toEqual([
      2,
      '--prompt: found together with --chat, where every line of standard input is a message. Leave one of the two out.',
    ]);
  });
});

test('any of the ids in generation_config.json ends a text', async () => {
  const asked = (folder: string) => ['generate', ...words(folder), '--json', '--prompt', 'It is'];
  const ids = async (folder: string) => ((await run(asked(folder))).lines[0] as Line & { ids: number[] }).ids;
  const all = await ids('chat');
  fs.cpSync(place.at('chat'), place.at('ends'), { recursive: true });
  fs.rmSync(place.at('ends/manifest.json'));
  const ends = [0, all[2]!];
  fs.writeFileSync(place.at('ends/generation_config.json'), JSON.stringify({ eos_token_id: ends }));
  expect(await ids('ends')).toEqual(all.slice(0, all.findIndex((id) => ends.includes(id)) + 1));
});

describe('beams', () => {
  test('the most probable text, the same each time, its score beside it', async () => {
    const asked = ['generate', '--model', place.at('run'), '--max-new-tokens', '6', '--prompt', 'It is', '--json'];
    const [one, again, greedy] = [
      await run([...asked, '--beams', '4']),
      await run([...asked, '--beams', '4', '--length-penalty', '1']),
      await run([...asked, '--beams', '1']),
    ];
    const line = one.lines[0] as Line & { text: string; ids: number[]; score: number };
    expect([one.code, line.ids.length, line.text.length]).toEqual([0, 6, 6]);
    expect((again.lines[0] as typeof line).ids).toEqual(line.ids);
    expect(line.score).toBeGreaterThanOrEqual((greedy.lines[0] as typeof line).score);
  });

  test('do not go with flags of chance', async () => {
    const { code, errors } = await run(['generate', '--model', place.at('run'), '--beams', '2', '--top-k', '3']);
    expect([code, errors[0]]).toEqual([
      2,
      '--top-k: found together with --beams, which looks for the most probable text. Leave one of the two out.',
    ]);
  });
});
