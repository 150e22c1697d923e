// The commands on a small trained model: what a finished run does, and every way to ask for text and for a measure.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { type Line, listing, scratchFolder, tiny } from './harness/program.ts';

const place = scratchFolder();
const home = process.cwd();
afterAll(() => {
  process.chdir(home);
  place.remove();
});

const settings = [...tiny(), '--data', place.data, '--eval-every', '20', '--sample-every', '0', '--json'];
let trained: Line[];
const end = () => trained.at(-1)!;
beforeAll(async () => {
  const { code, lines, stderr } = await run(['pretrain', ...settings, '--steps', '40', '--out', place.at('run')]);
  if (code !== 0) throw new Error(stderr);
  trained = lines;
});
const model = () => place.at('run/step-000040');
const last = (lines: Line[], event: string) => lines.findLast((l) => l.event === event)!;

describe('a finished run', () => {
  test('prints its end again and exits 0, and is as it was', async () => {
    const before = listing(place.at('run'));
    for (const more of [[], ['--steps', '40'], ['--width', '16', '--seed', '1337']]) {
      const { code, lines } = await run(['pretrain', '--resume', place.at('run'), '--json', ...more]);
      expect([code, lines]).toEqual([0, [end()]]);
    }
    expect(listing(place.at('run'))).toEqual(before);
  });

  test('grows with --steps: it goes on from its last step, also where its text has moved, and has one end', async () => {
    fs.cpSync(place.at('run'), place.at('grown'), { recursive: true });
    fs.copyFileSync(place.data, place.at('elsewhere.txt'));
    const words = ['--resume', place.at('grown'), '--steps', '50', '--data', place.at('elsewhere.txt'), '--json'];
    const { code, lines } = await run(['pretrain', ...words]);
    expect([code, lines[1]!.step, last(lines, 'end').step]).toEqual([0, 41, 50]);
    const log = fs.readFileSync(place.at('grown/metrics.jsonl'), 'utf8').trimEnd().split('\n');
    expect(
      log
        .map((l) => JSON.parse(l) as Line)
        .filter((l) => l.event === 'end')
        .map((l) => l.step),
    ).toEqual([50]);
  });
});

describe('pretrain', () => {
  /** The end of a run of ten steps that was stopped on its way. */
  let tenSteps: Line;

  test('stopped before its first step leaves nothing; stopped after the last, its end is told by a resume', async () => {
    const early = fakeHome();
    const first = run(['pretrain', ...settings, '--steps', '10', '--out', place.at('early')], early);
    early.signals.emit('SIGINT');
    expect([(await first).code, fs.existsSync(place.at('early'))]).toEqual([130, false]);

    const late = fakeHome();
    const { write } = late.stdout;
    late.stdout.write = function (text, done) {
      if (text.includes('"event":"step","step":10,')) late.signals.emit('SIGTERM');
      return write.call(this, text, done);
    };
    const second = await run(['pretrain', ...settings, '--steps', '10', '--out', place.at('late')], late);
    expect([second.code, second.lines.at(-1)!.event, second.lines.at(-1)!.step]).toEqual([143, 'save', 10]);
    const again = await run(['pretrain', '--resume', place.at('late'), '--json']);
    expect(again.code).toBe(0);
    expect(again.lines.map((l) => l.event)).toEqual(['start', 'eval', 'save', 'end']);
    tenSteps = again.lines.at(-1)!;
  });

  test('without --out makes the next folder under runs/, named after the text', async () => {
    fs.mkdirSync(place.at('runs/text-4'), { recursive: true });
    process.chdir(place.folder);
    const { lines } = await run(['pretrain', ...settings, '--steps', '1']);
    expect(last(lines, 'save').path).toBe('runs/text-5/step-000001');
    process.chdir(home);
  });

  test('with --minutes measures how many steps fit, at least ten, and the run depends on nothing else', async () => {
    const out = place.at('timed');
    const { code, stderr, lines } = await run(['pretrain', ...settings, '--minutes', '0.0000001', '--out', out]);
    expect(code).toBe(0);
    expect(stderr).toContain('minutes are 10 steps here');
    expect(last(lines, 'end')).toEqual(tenSteps);
  });

  test('with the portable kernels, with the default limits, and without biases says so in what it saves', async () => {
    const out = place.at('portable');
    const words = ['--kernels', 'portable', '--limits', 'default', '--bias', 'off', '--steps', '2', '--out', out];
    const { code, lines } = await run(['pretrain', ...settings, ...words]);
    expect(code).toBe(0);
    const saved = JSON.parse(fs.readFileSync(`${out}/step-000002/training.json`, 'utf8'));
    expect(saved.kernels).toEqual(lines[0]!.kernels);
    expect([saved.settings.kernels, saved.model.bias]).toEqual(['portable', false]);
    expect(JSON.parse(fs.readFileSync(`${out}/step-000002/config.json`, 'utf8')).bias).toBe(false);
    const resumed = await run(['pretrain', '--resume', out, '--steps', '3', '--json']);
    expect([resumed.code, resumed.lines[0]!.kernels]).toEqual([0, lines[0]!.kernels]);
  });

  test('for people shows the run in words', async () => {
    const words = ['pretrain', ...settings.filter((w) => w !== '--json'), '--steps', '4'];
    const said = await run([...words, '--out', place.at('shown')]);
    for (const part of [
      'adapter ',
      'model ',
      'memory ',
      'first loss',
      'validation',
      'saved ',
      'parameter hash',
      'talk to it',
    ])
      expect(said.stdout).toContain(part);
  });
});

describe('generate', () => {
  const ask = async (...more: string[]) => {
    const { code, lines, stderr } = await run([
      'generate',
      '--model',
      model(),
      '--json',
      '--max-new-tokens',
      '20',
      ...more,
    ]);
    expect(code, stderr).toBe(0);
    expect(lines.length).toBe(1);
    return lines[0] as { text: string | null; ids: number[]; promptIds: number[]; topLogits?: [number, number][] };
  };
  const greedy = (...more: string[]) => ask('--temperature', '0', ...more);
  let best: Awaited<ReturnType<typeof ask>>;
  beforeAll(async () => {
    best = await greedy('--prompt', 'It is', '--logits');
  });

  test('greedy gives the same twice, sampled the same for one seed', async () => {
    const again = await greedy('--prompt', 'It is', '--seed', '9');
    expect([again.text, again.ids]).toEqual([best.text, best.ids]);
    const sampled = (seed: string) => ask('--prompt', 'It is', '--temperature', '1.2', '--seed', seed);
    const [a, b, c] = [await sampled('1'), await sampled('1'), await sampled('2')];
    expect(b.ids).toEqual(a.ids);
    expect(c.ids).not.toEqual(a.ids);
  });

  test('takes ids as they are, and gives those of a text', async () => {
    const { ids, promptIds } = best;
    const same = await greedy('--prompt-ids', promptIds.join(','));
    expect([same.promptIds, same.ids]).toEqual([promptIds, ids]);
  });

  test('ends before a stop text, which is not in the text', async () => {
    const { text, ids } = best;
    const stop = text!.slice(3, 5);
    const stopped = await greedy('--prompt', 'It is', '--stop', stop, '--stop', 'never in it');
    expect(stopped.text).toBe(text!.slice(0, text!.indexOf(stop)));
    expect(stopped.ids).toEqual(ids.slice(0, text!.indexOf(stop) + stop.length));
  });

  test('--logits adds the ten best of the first token, the best first', async () => {
    const { topLogits, ids } = best;
    expect(topLogits!.length).toBe(10);
    expect(topLogits![0]![0]).toBe(ids[0]);
    expect(topLogits!.map(([, x]) => x)).toEqual(topLogits!.map(([, x]) => x).sort((x, y) => y - x));
    const narrow = await ask(
      '--prompt',
      'It is',
      '--top-k',
      '1',
      '--top-p',
      '0.5',
      '--min-p',
      '0.1',
      '--repetition-penalty',
      '1',
    );
    expect(narrow.ids).toEqual(ids);
  });

  test('streams the text for people, and nothing else to standard output', async () => {
    const { text } = best;
    const words = [
      'generate',
      '--model',
      place.at('run'),
      '--temperature',
      '0',
      '--max-new-tokens',
      '20',
      '--prompt',
      'It is',
    ];
    const { stdout } = await run(words); // the run folder means its best step, which is the last here
    expect(stdout.trimEnd()).toBe(text!.trimEnd());
  });

  test('of a folder without a tokenizer works on ids, and its text is null', async () => {
    fs.cpSync(model(), place.at('bare'), { recursive: true });
    for (const name of ['tokenizer.json', 'tokenizer_config.json', 'manifest.json'])
      fs.rmSync(place.at(`bare/${name}`));
    const words = ['generate', '--model', place.at('bare'), '--prompt-ids', '1,2,3', '--max-new-tokens', '4', '--json'];
    const { code, lines } = await run(words);
    expect([code, lines[0]!.text, (lines[0]!.ids as number[]).length]).toEqual([0, null, 4]);
    const refused = await run(['generate', '--model', place.at('bare'), '--prompt', 'It']);
    expect([refused.code, refused.errors[0]]).toEqual([
      2,
      '--prompt: this folder has no tokenizer. Give token ids with --prompt-ids.',
    ]);
  });
});

describe('--weights ema', () => {
  test('takes the averaged weights of a run that keeps them, and is refused where there are none', async () => {
    const words = [...settings, '--steps', '10', '--ema', '0.9', '--out', place.at('averaged')];
    const { lines } = await run(['pretrain', ...words]);
    const text = fs.readFileSync(place.data, 'utf8');
    fs.writeFileSync(place.at('end.txt'), text.slice(Math.floor(text.length * 0.9)));
    const evaluate = async (folder: string, weights: string) =>
      run(['evaluate', '--model', folder, '--data', place.at('end.txt'), '--json', '--weights', weights]);
    const { emaValidationLoss, validationLoss } = last(lines, 'eval') as Line & Record<string, number>;
    for (const [weights, loss] of [
      ['ema', emaValidationLoss],
      ['trained', validationLoss],
    ] as const)
      expect((await evaluate(place.at('averaged/step-000010'), weights)).lines[0]!.loss).toBeCloseTo(loss!, 5);
    const refused = await evaluate(model(), 'ema');
    expect([refused.code, refused.errors[0]]).toEqual([
      2,
      expect.stringMatching(/expected averaged weights, which a run with --ema 0\.999 keeps\. Use the trained ones: /),
    ]);
  });
});

describe('evaluate', () => {
  const measure = async (...more: string[]) => {
    const { code, lines, stderr } = await run(['evaluate', '--model', model(), '--json', ...more]);
    expect(code, stderr).toBe(0);
    return lines[0] as unknown as { loss: number; perplexity: number; tokens: number; bitsPerByte?: number };
  };

  test('measures what training measured: the loss over the validation part', async () => {
    const text = fs.readFileSync(place.data, 'utf8');
    const part = text.slice(Math.floor(text.length * (1 - 0.1)));
    fs.writeFileSync(place.at('part.txt'), part);
    const { loss, perplexity, tokens, bitsPerByte } = await measure('--data', place.at('part.txt'));
    expect(loss).toBeCloseTo(end().validationLoss as number, 5);
    expect([tokens, perplexity]).toEqual([part.length - 1, Math.exp(loss)]);
    expect(bitsPerByte).toBeCloseTo((loss * tokens) / Math.LN2 / part.length, 9);
  });

  test('takes ids, the last shorter window included, and texts shorter than a context', async () => {
    const { lines } = await run([
      'generate',
      '--model',
      model(),
      '--json',
      '--prompt',
      'It is a way I have of driving off',
      '--max-new-tokens',
      '1',
    ]);
    const ids = lines[0]!.promptIds as number[];
    fs.writeFileSync(place.at('ids.json'), JSON.stringify(ids));
    fs.writeFileSync(place.at('short.txt'), 'It is a way I have of driving off');
    const byIds = await measure('--ids', place.at('ids.json'));
    const { bitsPerByte, ...byText } = await measure('--data', place.at('short.txt'));
    expect(byIds).toEqual(byText);
    expect(byIds.tokens).toBe(ids.length - 1);
    expect(bitsPerByte).toBeGreaterThan(0);
  });
});
