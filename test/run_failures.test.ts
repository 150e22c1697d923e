// A run that fails after it began: exit code 1, a sentence that says where to go on, and the last good checkpoint whole.
import fs from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { diskLayer } from '../src/checkpoint/files.ts';
import { verifyStepFolder } from '../src/checkpoint/step_folder.ts';
import { run } from './harness/inside.ts';
import { scratchFolder, tiny } from './harness/program.ts';

const place = scratchFolder();
afterAll(() => place.remove());
afterEach(() => vi.restoreAllMocks());

const pretrain = (out: string, ...more: string[]) =>
  run([
    'pretrain',
    ...tiny(),
    '--data',
    place.data,
    '--out',
    place.at(out),
    '--sample-every',
    '0',
    '--eval-every',
    '0',
    '--json',
    ...more,
  ]);
const steps = (out: string) =>
  fs
    .readdirSync(place.at(out))
    .filter((name) => name.startsWith('step-'))
    .sort();
const whole = (out: string) => steps(out).map((step) => verifyStepFolder(diskLayer, place.at(`${out}/${step}`)));
const leftovers = (out: string) => fs.readdirSync(place.at(out)).filter((name) => /^\.|lock/.test(name));

/** The disk refuses what is written to files of which `full` says so. */
function fillDisk(full: (file: string) => boolean, code = 'ENOSPC'): void {
  const names = new Map<number, string>();
  const { open, write } = diskLayer;
  vi.spyOn(diskLayer, 'open').mockImplementation((file, mode) => {
    const handle = open(file, mode);
    names.set(handle, file);
    return handle;
  });
  vi.spyOn(diskLayer, 'write').mockImplementation((handle, bytes) => {
    if (full(names.get(handle) ?? '')) throw Object.assign(new Error(`${code}: write`), { code });
    return write(handle, bytes);
  });
}

describe('a full disk', () => {
  test('does not end the run while a later save may work: nothing is lost, and the log has no gap', async () => {
    let refusals = 0;
    fillDisk((file) => {
      if (/metrics\.jsonl$/.test(file)) return refusals++ < 5;
      return /\.tmp-10-\d+.optimizer\.safetensors$|report\.html$/.test(file);
    });
    const { code, stderr, lines } = await pretrain('tight', '--steps', '30', '--save-every', '10');
    expect(code).toBe(0);
    expect(refusals).toBeGreaterThan(5);
    expect(stderr).toMatch(
      /warning: .*metrics\.jsonl: could not be saved: ENOSPC, the disk is full.* The run goes on\./,
    );
    expect(stderr).toMatch(/warning: .*optimizer\.safetensors: could not be saved.* tries again at the next save/);
    expect(stderr).toMatch(/warning: \S+report\.html: could not be written: ENOSPC, the disk is full\./);
    expect(lines.filter((l) => l.event === 'save').map((l) => l.step)).not.toContain(10);
    expect(whole('tight')).toEqual([null, null]);
    const log = fs
      .readFileSync(place.at('tight/metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l) as unknown);
    expect(log).toEqual(lines);
    expect(leftovers('tight')).toEqual([]);
  });

  test('that stays full ends it at the third save; the checkpoint before is whole and goes on', async () => {
    fillDisk((file) => /\.tmp-(?!10-)\d+-\d+.model\.safetensors$/.test(file));
    const { code, errors, lines } = await pretrain('full', '--steps', '100', '--save-every', '10');
    expect(code).toBe(1);
    expect(errors.length).toBe(1);
    expect(errors[0]).toMatch(/^\S+step-000040: model\.safetensors: could not be saved: ENOSPC, the disk is full\./);
    expect(errors[0]).toContain(
      `The last good checkpoint is ${place.at('full/step-000010')}; go on with --resume ${place.at('full')}.`,
    );
    expect(lines.at(-1)).toMatchObject({ event: 'step', step: 40 });
    expect([steps('full'), whole('full'), leftovers('full')]).toEqual([['step-000010'], [null], []]);
    vi.restoreAllMocks();
    const again = await run(['pretrain', '--resume', place.at('full'), '--json']);
    expect([again.code, again.lines.at(-1)!.event]).toEqual([0, 'end']);
    expect(again.lines[1]).toMatchObject({ event: 'step', step: 11 });
  });

  test('at the last save ends with 1: the run is not done', async () => {
    fillDisk((file) => /training\.json$/.test(file), 'EDQUOT');
    const { code, errors, lines } = await pretrain('late', '--steps', '5');
    expect([code, errors.length]).toEqual([1, 1]);
    expect(errors[0]).toMatch(
      /training\.json: could not be saved: EDQUOT, the quota is used up\..* Nothing had been saved yet/,
    );
    expect(lines.filter((l) => l.event === 'end')).toEqual([]);
  });
});

test('a loss that is no number any more: step, value and kernel are named, and the state before it is kept', async () => {
  const wild = [
    '--learning-rate',
    '1000000',
    '--warmup-steps',
    '0',
    '--grad-clip',
    '0',
    '--schedule',
    'constant',
    '--weight-decay',
    '10',
  ];
  const { code, errors, lines, stdout } = await pretrain('wild', '--steps', '100', '--save-every', '1', ...wild);
  expect([code, errors.length]).toEqual([1, 1]);
  expect(errors[0]).toMatch(
    /^step \d+: .*, expected a finite number\. .*(first such value is \w+ of \w+ .*\(kernel \w+\)|sum of the squares overflowed)/,
  );
  expect(errors[0]).toMatch(/The last good checkpoint is \S+step-0000\d\d; go on with --resume/);
  expect(stdout).not.toContain('null');
  const last = lines.findLast((l) => l.event === 'step')!.step!;
  expect(errors[0]).toContain(`step ${last + 1}: `);
  expect(steps('wild').at(-1)).toBe(`step-${String(last).padStart(6, '0')}`);
  expect(whole('wild')).toEqual(whole('wild').map(() => null));
  expect(leftovers('wild')).toEqual([]);
});

test('a device that is lost in the middle ends with 1; the last checkpoint is whole and goes on', async () => {
  const words = ['--steps', '60', '--save-every', '20'];
  const devices: GPUDevice[] = [];
  const { createBuffer } = GPUDevice.prototype;
  vi.spyOn(GPUDevice.prototype, 'createBuffer').mockImplementation(function (this: GPUDevice, descriptor) {
    if (!devices.includes(this)) devices.push(this);
    return createBuffer.call(this, descriptor);
  });
  const { submit } = GPUQueue.prototype;
  let submits = 0;
  vi.spyOn(GPUQueue.prototype, 'submit').mockImplementation(function (this: GPUQueue, list) {
    submit.call(this, list);
    if (++submits === 40) devices.at(-1)!.destroy();
    return undefined;
  });
  const { code, errors, lines } = await pretrain('lost', ...words);
  expect([code, errors.length]).toEqual([1, 1]);
  expect(errors[0]).toMatch(
    /^the GPU device was lost \(destroyed.* The last good checkpoint is \S+step-000020; go on with --resume/,
  );
  expect(lines.findLast((l) => l.event === 'step')!.step).toBeLessThan(40); // nothing is told that no read has covered
  expect([steps('lost'), whole('lost'), leftovers('lost')]).toEqual([['step-000020'], [null], []]);
  vi.restoreAllMocks();
  const again = await run(['pretrain', '--resume', place.at('lost'), '--json']);
  expect([again.code, again.lines[1]!.step]).toEqual([0, 21]);
  expect(again.lines.at(-1)).toMatchObject({ event: 'end', step: 60 });
});

describe('a damaged checkpoint', () => {
  beforeAll(async () => {
    await pretrain('old', '--steps', '20', '--save-every', '10');
  });

  test('is passed over with one line, and the one before goes on to the same end', async () => {
    const file = place.at('old/step-000020/model.safetensors');
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 7]! ^= 1;
    fs.writeFileSync(file, bytes);
    const { code, stderr, lines } = await run(['pretrain', '--resume', place.at('old'), '--json']);
    expect(code).toBe(0);
    expect(stderr.match(/step-000020 passed over: model\.safetensors differs from its SHA-256/g)?.length).toBe(1);
    expect(lines[1]).toMatchObject({ event: 'step', step: 11 });
    expect(whole('old')).toEqual([null, null]);
  });
});
