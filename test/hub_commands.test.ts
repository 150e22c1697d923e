// Commands that are given a name on the hub: the model is fetched once, and found again when nobody answers.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isHubName } from '../src/cli/model_place.ts';
import { type FakeHome, fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { LittleHub } from './harness/little_hub.ts';
import { listing, scratchFolder, tiny } from './harness/program.ts';

const place = scratchFolder();
const FILES = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
let hub: LittleHub;
let endpoint: string;
beforeAll(async () => {
  const words = [...tiny(), '--data', place.data, '--steps', '20', '--eval-every', '0', '--sample-every', '0'];
  const { code, stderr } = await run(['pretrain', ...words, '--out', place.at('run'), '--quiet']);
  if (code !== 0) throw new Error(stderr);
  hub = new LittleHub(
    Object.fromEntries(FILES.map((name) => [name, fs.readFileSync(place.at(`run/step-000020/${name}`))])),
  );
  endpoint = await hub.start();
});
afterAll(() => {
  hub.stop();
  place.remove();
});

/** A home whose hub and cache are the test's own. */
const at = (cache: string, env: Record<string, string> = {}): FakeHome =>
  fakeHome({ LANG: 'C.UTF-8', TERM: 'xterm', HF_ENDPOINT: endpoint, HF_HUB_CACHE: place.at(cache), ...env });
const nowhere = { HF_ENDPOINT: 'http://127.0.0.1:9' };
const generate = ['generate', '--prompt', 'It is', '--temperature', '0', '--max-new-tokens', '8', '--json'];

test('what is a name of the hub: nothing that is here, or was meant to be', () => {
  const home = process.cwd();
  process.chdir(place.folder);
  try {
    fs.mkdirSync('here');
    expect(['owner/name', 'owner/name@v1', 'there/step-000020'].map(isHubName)).toEqual([true, true, true]);
    for (const local of [
      'run',
      'run/step-000020',
      'here/nothing',
      'runs/moby-1',
      './owner/name',
      '../owner/name',
      '/owner/name',
      '~/name',
      'name',
      'a/b/c',
    ])
      expect([local, isHubName(local)]).toEqual([local, false]);
  } finally {
    process.chdir(home);
  }
});

describe('generate and evaluate', () => {
  test('fetch it once with a line of progress, and give what a folder gives; then without a hub', async () => {
    const local = await run([...generate, '--model', place.at('run')]);
    const home = at('first');
    home.stderr.isTTY = true;
    const fetched = await run([...generate, '--model', 'owner/name'], home);
    expect(fetched.code, fetched.stderr).toBe(0);
    expect(fetched.lines[0]!.ids).toEqual(local.lines[0]!.ids);
    expect(fetched.stderr).toContain(`model: owner/name is no folder here, so it is looked up at ${endpoint}\n`);
    expect(fetched.stderr).toMatch(/fetching owner\/name [\d.]+ \w+ of [\d.]+ \w+/);

    hub.asked.length = 0;
    const again = await run([...generate, '--model', 'owner/name@main'], at('first'));
    expect([again.code, again.lines[0]!.ids]).toEqual([0, local.lines[0]!.ids]);
    expect(hub.asked.filter((line) => line.includes('/resolve/'))).toEqual([]);

    const away = await run(['evaluate', '--model', 'owner/name', '--data', place.data, '--json'], at('first', nowhere));
    const measured = await run(['evaluate', '--model', place.at('run'), '--data', place.data, '--json']);
    expect([away.code, away.lines[0]!.loss]).toEqual([0, measured.lines[0]!.loss]);
    expect(away.stderr).toMatch(/this machine seems to be offline; the copy in the cache is used/);
    const offline = await run([...generate, '--model', 'owner/name'], at('first', { HF_HUB_OFFLINE: '1' }));
    expect(offline.code).toBe(0);
  });

  test('say that the machine is offline, and what to do', async () => {
    for (const [env, why] of [
      [nowhere, /cannot be reached \(.+\): this machine seems to be offline, and the cache has no whole copy/],
      [{ HF_HUB_OFFLINE: '1' }, /HF_HUB_OFFLINE is set, and the cache has no whole copy/],
    ] as const) {
      const { code, errors, stdout } = await run([...generate, '--model', 'owner/name'], at('none', env));
      expect([code, stdout, errors.length]).toEqual([1, '', 1]);
      expect(errors[0]).toMatch(why);
      expect(errors[0]).toMatch(/Name a local folder, or a mirror by HF_ENDPOINT\.$/);
    }
    const missing = await run([...generate, '--model', 'else/name'], at('none'));
    expect([missing.code, missing.errors[0]]).toEqual([
      2,
      expect.stringMatching(/^else\/name: found no such model at /),
    ]);
  });

  test('of a folder ask nobody', async () => {
    hub.asked.length = 0;
    const home = process.cwd();
    process.chdir(place.folder);
    try {
      const { code } = await run([...generate, '--model', 'run/step-000020'], at('unused'));
      expect(code).toBe(0);
      const { errors } = await run([...generate, '--model', 'run/step-000021'], at('unused'));
      expect(errors[0]).toMatch(/^run\/step-000021: found nothing, expected a run folder or a model folder/);
    } finally {
      process.chdir(home);
    }
    expect([hub.asked, fs.existsSync(place.at('unused'))]).toEqual([[], false]);
  });

  test('stopped by Ctrl-C leave with 130, and the next time goes on', async () => {
    const whole = hub.files.get('model.safetensors')!;
    // Large enough to come in many pieces; never whole, so its content does not matter.
    const large = new Uint8Array(24_000_000);
    hub.files.set('model.safetensors', large);
    try {
      const home = at('stopped');
      home.stderr.isTTY = true;
      const { write } = home.stderr;
      home.stderr.write = function (text, done) {
        if (text.includes('fetching')) home.signals.emit('SIGINT');
        return write.call(this, text, done);
      };
      const { code, stdout } = await run([...generate, '--model', 'owner/name'], home);
      expect([code, stdout]).toEqual([130, '']);
    } finally {
      hub.files.set('model.safetensors', whole);
    }
    // No lock is left behind.
    const { code, stderr } = await run([...generate, '--model', 'owner/name'], at('stopped'));
    expect(code, stderr).toBe(0);
  });
});

test('pretrain goes on with it, and remembers its name', async () => {
  const words = ['--model', 'owner/name', '--data', place.data, '--steps', '2', '--sample-every', '0', '--json'];
  const { code, lines, stderr } = await run(['pretrain', ...words, '--out', place.at('on')], at('first'));
  expect(code, stderr).toBe(0);
  expect(lines[0]!.model).toMatchObject({ name: 'owner/name', hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const resumed = await run(['pretrain', '--resume', place.at('on'), '--steps', '3', '--json'], at('none', nowhere));
  expect(resumed.code, resumed.stderr).toBe(0);
});

test('of a tokenizer no weights are fetched', async () => {
  hub.asked.length = 0;
  const words = [...tiny(), '--data', place.data, '--steps', '1', '--sample-every', '0', '--json'];
  const named = ['--tokenizer', 'owner/name', '--out', place.at('tokens')];
  const { code, lines, stderr } = await run(['pretrain', ...words, ...named], at('tokenizers'));
  expect(code, stderr).toBe(0);
  const { vocabSize } = lines[0]!.dataset as { vocabSize: number };
  expect(vocabSize).toBe(JSON.parse(fs.readFileSync(place.at('run/step-000020/config.json'), 'utf8')).vocab_size);
  expect(hub.asked.some((line) => line.includes('tokenizer.json'))).toBe(true);
  expect(hub.asked.some((line) => line.includes('safetensors'))).toBe(false);
  // It is no model.
  const { errors } = await run([...generate, '--model', 'owner/name'], at('tokenizers', nowhere));
  expect(errors[0]).toMatch(/the cache has no whole copy/);
  expect(listing(place.at('tokenizers')).some((line) => line.includes('safetensors'))).toBe(false);
  hub.files.delete('tokenizer.json');
  const gone = await run(['pretrain', ...words, '--tokenizer', 'owner/name'], at('other'));
  expect(gone.errors[0]).toMatch(/^owner\/name: found no tokenizer\.json among its files/);
});
