// The run folder: whatever the disk does, a checkpoint is there whole or not at all, and the run says what it did.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskLayer } from '../src/checkpoint/files.ts';
import { machineProcesses, type ProcessTable } from '../src/checkpoint/lock.ts';
import { openModelFolder, resolveModelDir } from '../src/checkpoint/model_folder.ts';
import { RunFolder } from '../src/checkpoint/run.ts';
import type { FileContent } from '../src/checkpoint/step_folder.ts';
import { verifyStepFolder } from '../src/checkpoint/step_folder.ts';
import { InputError, RunError } from '../src/errors.ts';
import { Died, type Loss, MemoryFiles } from './harness/memory_files.ts';

/** Processes with numbers of our choice; the given ones live. */
function processes(pid: number, alive: number[] = []): ProcessTable {
  const self = { pid, host: 'here', started: `2025-01-01T00:00:0${pid % 10}.000Z`, birth: `${pid}` };
  return { self, isAlive: (holder) => holder.pid === pid || alive.includes(holder.pid) };
}

/** Contents of a checkpoint that differ from step to step; one of them a stream. */
function contents(step: number, size = 700): Map<string, FileContent> {
  const weights = Uint8Array.from({ length: size }, (_, i) => (i * 7 + step) & 255);
  return new Map<string, FileContent>([
    ['config.json', new TextEncoder().encode(`{"step":${step}}`)],
    ['model.safetensors', [weights.subarray(0, 300), weights.subarray(300)]],
    ['training.json', new TextEncoder().encode(`{"step": ${step}}`)],
  ]);
}

/** A run `out` in memory with these steps saved, its process (number 1) gone. */
async function runWith(...steps: number[]): Promise<MemoryFiles> {
  const layer = new MemoryFiles();
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1) });
  for (const step of steps) await run.saveStep(step, contents(step), { best: step === steps[0] });
  run.close();
  return layer;
}

const visible = (layer: MemoryFiles) => layer.list('out').filter((name) => name !== 'lock');
const text = (layer: MemoryFiles, path: string) => new TextDecoder().decode(layer.bytes(path));

test('a saved step is a folder with its files and a manifest, and best and last name it', async () => {
  const layer = await runWith(10);
  expect(layer.list('out')).toEqual(['best', 'last', 'step-000010']);
  expect(layer.list('out/step-000010')).toEqual(['config.json', 'manifest.json', 'model.safetensors', 'training.json']);
  expect(text(layer, 'out/best')).toBe('step-000010\n');
  const manifest = JSON.parse(text(layer, 'out/step-000010/manifest.json'));
  expect(manifest.files['training.json']).toEqual({
    size: 12,
    sha256: createHash('sha256').update('{"step": 10}').digest('hex'),
  });
  expect(verifyStepFolder(layer, 'out/step-000010')).toBeNull();
});

test('the last two, the best and every k-th stay', async () => {
  const layer = new MemoryFiles();
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1), keepEvery: 40 });
  for (const step of [10, 20, 30, 40, 50, 60, 70, 80]) await run.saveStep(step, contents(step), { best: step === 20 });
  expect(visible(layer)).toEqual(['best', 'last', 'step-000020', 'step-000040', 'step-000070', 'step-000080']);
  await run.markBest(70);
  await run.saveStep(90, contents(90));
  expect(visible(layer)).toEqual(['best', 'last', 'step-000040', 'step-000070', 'step-000080', 'step-000090']);
  expect(run.bestStep()).toBe(70);
});

test('each file is synced before the rename, and the folder after it', async () => {
  const layer = new MemoryFiles();
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1) });
  layer.reset();
  await run.saveStep(10, contents(10));
  const order = layer.trace.filter((call) => /^(sync|rename|syncFolder) /.test(call));
  expect(order).toEqual([
    'sync out/.tmp-10-1/config.json',
    'sync out/.tmp-10-1/model.safetensors',
    'sync out/.tmp-10-1/training.json',
    'sync out/.tmp-10-1/manifest.json',
    'syncFolder out/.tmp-10-1',
    'rename out/.tmp-10-1 -> out/step-000010',
    'syncFolder out',
    'sync out/.tmp-last',
    'rename out/.tmp-last -> out/last',
    'syncFolder out',
  ]);
});

test('a disk that takes a byte at a time gets everything', async () => {
  const layer = new MemoryFiles();
  layer.largestWrite = 1;
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1) });
  expect(verifyStepFolder(layer, await run.saveStep(10, contents(10)))).toBeNull();
});

/** Files of step 20 over those of step 10 and, for `again`, step 20 itself. */
const saves: [string, number[], number][] = [
  ['a first save', [], 20],
  ['a save', [10], 20],
  ['a save that removes an old one', [5, 10, 15], 20],
  ['a save of a step that is there already', [10, 20], 20],
];

test.each(saves)(
  '%s cut by a power loss at any file call leaves the old or the new checkpoint, never a mix',
  async (_, before, step) => {
    const start = await runWith(...before);
    let calls = 0;
    for (let n = 1; n <= calls || n === 1; n++) {
      for (const loss of ['names and contents', 'contents'] as Loss[]) {
        const layer = start.clone();
        const run = before.length
          ? RunFolder.openForResume('out', { layer, processes: processes(2) }).run
          : RunFolder.create('out', 'run', { layer, processes: processes(2) });
        layer.reset((call) => {
          if (call >= n) throw new Died();
        });
        const outcome = await run.saveStep(step, contents(step)).catch((error) => error);
        calls = Math.max(calls, n + 1);
        if (typeof outcome === 'string') calls = n;
        const survivor = layer.afterCrash(loss);
        const again = { layer: survivor, processes: processes(3) };
        if (before.length === 0 && !survivor.stat('out/step-000020')) {
          expect(() => RunFolder.openForResume('out', again)).toThrow('no checkpoint to resume');
          expect(RunFolder.create('out', 'run', again).path).toBe('out');
          continue;
        }
        const resumed = RunFolder.openForResume('out', again);
        const allowed = typeof outcome === 'string' ? [step] : [before.at(-1) ?? step, step];
        expect(allowed).toContain(resumed.step);
        expect(resumed.passedOver).toEqual([]);
        expect(visible(survivor).filter((name) => name.startsWith('.'))).toEqual([]);
        const best = resumed.run.bestStep();
        if (before.length) expect(best).toBe(before[0]);
      }
    }
    expect(calls).toBeGreaterThan(20);
  },
);

test.each(saves)(
  '%s whose n-th file call fails says file and code, keeps what was, and the next one succeeds',
  async (_, before, step) => {
    const start = await runWith(...before);
    for (const code of ['EIO', 'ENOSPC', 'EACCES']) {
      for (const forEver of [false, true]) {
        for (let n = 1; ; n++) {
          const layer = start.clone();
          const run = before.length
            ? RunFolder.openForResume('out', { layer, processes: processes(2) }).run
            : RunFolder.create('out', 'run', { layer, processes: processes(2) });
          layer.reset((call) => {
            if (call === n || (forEver && call > n)) throw Object.assign(new Error(`${code}: injected`), { code });
          });
          const outcome = await run.saveStep(step, contents(step)).catch((error) => error);
          const calls = layer.trace.length;
          layer.reset();
          expect(layer.handles).toBe(0);
          if (typeof outcome === 'string' && n > calls) break;
          if (typeof outcome !== 'string') {
            expect(outcome).toBeInstanceOf(RunError);
            expect(outcome.message).toMatch(
              /^out.*: .+: could not be saved: (EIO|ENOSPC|EACCES), .+\. Earlier checkpoints are whole/,
            );
            expect(outcome.cause).toMatchObject({ code });
            if (!forEver) expect(visible(layer).filter((name) => /^\.tmp-20-|^\.old-/.test(name))).toEqual([]);
            if (before.length) {
              const next = RunFolder.openForResume('out', { layer: layer.clone(), processes: processes(3) });
              expect(next.step).toBeGreaterThanOrEqual(before.at(-1)!);
              expect(next.passedOver).toEqual([]);
            }
          }
          const retried = await run.saveStep(step, contents(step));
          expect(verifyStepFolder(layer, retried)).toBeNull();
          expect(visible(layer).filter((name) => name.startsWith('.'))).toEqual([]);
        }
      }
    }
  },
);

test('an error of the contents themselves passes through, and leaves nothing', async () => {
  const layer = await runWith(10);
  const { run } = RunFolder.openForResume('out', { layer, processes: processes(2) });
  async function* lost(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(5);
    throw new TypeError('device lost');
  }
  await expect(run.saveStep(20, new Map([['model.safetensors', lost()]]))).rejects.toThrow(TypeError);
  expect(visible(layer)).toEqual(['best', 'last', 'step-000010']);
  await expect(run.saveStep(20, new Map([['../x', new Uint8Array()]]))).rejects.toThrow('file name ../x');
});

const files = ['config.json', 'model.safetensors', 'training.json', 'manifest.json'];

test('a checkpoint cut at any 512th byte, or at 64 odd offsets, is passed over with one line, and the one before is used', async () => {
  const layer = new MemoryFiles();
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1) });
  for (const step of [10, 20]) await run.saveStep(step, contents(step, 5000));
  run.close();
  let damages = 0;
  for (const file of files) {
    const path = `out/step-000020/${file}`;
    const whole = layer.bytes(path);
    const offsets = [...Array(64).keys()].map((i) => 1 + 2 * Math.floor((i * whole.length) / 128));
    for (let at = 0; at < whole.length; at += 512) offsets.push(at);
    for (const at of offsets.filter((at) => at < whole.length)) {
      layer.damage(path, () => whole.slice(0, at));
      const resumed = RunFolder.openForResume('out', { layer, processes: processes(2) });
      expect(resumed.step).toBe(10);
      expect(resumed.passedOver).toHaveLength(1);
      expect(resumed.passedOver[0]).toMatch(
        new RegExp(`^step-000020 passed over: (${file.replace('.', '\\.')} has \\d+ bytes|manifest.json is damaged)`),
      );
      resumed.run.close();
      damages++;
    }
    layer.damage(path, () => whole);
  }
  expect(damages).toBeGreaterThan(200);
  expect(RunFolder.openForResume('out', { layer, processes: processes(2) }).passedOver).toEqual([]);
});

test('500 flipped bits over all files are all refused', async () => {
  const layer = await runWith(10, 20);
  const bits = files.flatMap((file) =>
    Array.from({ length: layer.bytes(`out/step-000020/${file}`).length * 8 }, (_, bit) => ({ file, bit })),
  );
  const chosen = Array.from({ length: 500 }, (_, i) => bits[Math.floor((i * bits.length) / 500)]!);
  for (const { file, bit } of chosen) {
    const flip = (data: Uint8Array) => {
      data[bit >> 3]! ^= 1 << (bit & 7);
      return data;
    };
    layer.damage(`out/step-000020/${file}`, flip);
    const reason = verifyStepFolder(layer, 'out/step-000020');
    if (reason === null) expect.fail(`bit ${bit} of ${file} went unnoticed`);
    layer.damage(`out/step-000020/${file}`, flip);
  }
  expect(verifyStepFolder(layer, 'out/step-000020')).toBeNull();
});

test('every single bit of a manifest counts', async () => {
  const layer = await runWith(10);
  const path = 'out/step-000010/manifest.json';
  const whole = layer.bytes(path);
  for (let bit = 0; bit < whole.length * 8; bit++) {
    layer.damage(path, () => {
      const data = Uint8Array.from(whole);
      data[bit >> 3]! ^= 1 << (bit & 7);
      return data;
    });
    if (verifyStepFolder(layer, 'out/step-000010') === null) expect.fail(`bit ${bit} went unnoticed`);
  }
});

test('a missing file and a folder under another name are refused', async () => {
  const layer = await runWith(10, 20);
  layer.remove('out/step-000020/training.json');
  expect(verifyStepFolder(layer, 'out/step-000020')).toBe('training.json is missing');
  layer.rename('out/step-000010', 'out/step-000030');
  expect(verifyStepFolder(layer, 'out/step-000030')).toBe('manifest.json is of step 10');
});

test('resuming from nothing is refused, saying what is there', async () => {
  const layer = new MemoryFiles();
  const open = (dir: string) => () => RunFolder.openForResume(dir, { layer, processes: processes(1) });
  expect(open('out')).toThrow('out: found nothing, expected a run folder. Check the path.');
  layer.makeFolder('out');
  expect(open('out')).toThrow(
    'out: no checkpoint to resume: it is empty; expected a whole step folder. Name another run folder, or begin anew.',
  );
  layer.makeFolder('out/notes');
  layer.close(layer.open('out/todo.txt', 'new'));
  expect(open('out')).toThrow('no checkpoint to resume: it holds notes, todo.txt; expected');
  expect(open('out/todo.txt')).toThrow('found a file, expected a run folder');
  layer.makeFolder('out/step-000003');
  expect(open('out/')).toThrow('no checkpoint to resume: step-000003 passed over: manifest.json is missing');
  expect(open('out/step-000003')).toThrow('found a single checkpoint, expected a run folder. Resume from out.');
  expect(layer.list('out')).not.toContain('lock');
});

test('a new run refuses a folder with a complete save, and takes over one without', async () => {
  const layer = await runWith(10, 20);
  layer.reset();
  const create = (dir: string) => RunFolder.create(dir, 'run', { layer, processes: processes(2) });
  expect(() => create('out')).toThrow(InputError);
  expect(() => create('out/')).toThrow(
    'out: holds another run, saved at step 20, expected a new folder. Choose another one, or go on with --resume out.',
  );
  expect(layer.trace.filter((call) => !/^(stat|list)/.test(call))).toEqual([]);
  for (const step of ['step-000010', 'step-000020']) layer.remove(`out/${step}`);
  layer.makeFolder('out/.tmp-30-1');
  layer.close(layer.open('out/notes.txt', 'new'));
  expect(create('out').path).toBe('out');
  expect(layer.list('out')).toEqual(['lock', 'notes.txt']);
  expect(() => create('out/notes.txt')).toThrow('found a file, expected a folder or a new name');
  expect(() => create('no/such')).toThrow('no/such: the folder no does not exist');
});

test('a bare run gets the next number', () => {
  const layer = new MemoryFiles();
  const create = () => RunFolder.create(null, 'moby', { layer, processes: processes(1) }).path;
  expect(create()).toBe('runs/moby-1');
  layer.makeFolder('runs/moby-7');
  layer.makeFolder('runs/moby-x');
  layer.makeFolder('runs/other-9');
  expect(create()).toBe('runs/moby-8');
});

test('a folder that cannot be written is refused at once and nothing is left', () => {
  for (const code of ['EACCES', 'EROFS', 'ENOSPC']) {
    let call = 1;
    for (; ; call++) {
      const layer = new MemoryFiles();
      layer.reset((n) => {
        if (n === call) throw Object.assign(new Error(code), { code });
      });
      try {
        RunFolder.create('out', 'run', { layer, processes: processes(1) });
        if (layer.trace.length < call) break;
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        expect((error as Error).message).toMatch(
          new RegExp(`^out: cannot be used: ${code}, .+, expected a folder that can be written`),
        );
      }
    }
    expect(call).toBeGreaterThan(5);
  }
});

test('a second writer is refused with process and start; a dead one is taken over', async () => {
  const layer = await runWith(10);
  const open = (pid: number, alive: number[] = []) =>
    RunFolder.openForResume('out', { layer, processes: processes(pid, alive) });
  const first = open(2);
  expect(() => open(3, [2])).toThrow(InputError);
  expect(() => open(3, [2])).toThrow(
    'out: in use by process 2 on here, started 2025-01-01T00:00:02.000Z, expected a folder that nobody writes to',
  );
  const second = open(3);
  first.run.close();
  expect(() => open(4, [3])).toThrow('in use by process 3');
  second.run.close();
  expect(layer.list('out')).not.toContain('lock');
  layer.close(layer.open('out/lock', 'new'));
  expect(open(5).step).toBe(10);
});

test('metrics and samples go on from the resumed step', async () => {
  const layer = await runWith();
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1) });
  run.log.append({ event: 'start' });
  for (let step = 1; step <= 25; step++) {
    run.log.append({ event: 'step', step, loss: 4 / step });
    if (step % 5 === 0) run.log.append({ event: 'sample', step, text: `text ${step}` });
    if (step === 10) await run.saveStep(step, contents(step));
  }
  layer.damage('out/metrics.jsonl', (data) => data.slice(0, -9));
  const resumed = RunFolder.openForResume('out', { layer, processes: processes(2) });
  await resumed.run.log.cutBack(resumed.step);
  expect(resumed.run.log.read().map((event) => event.step)).toEqual([undefined, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10]);
  expect(text(layer, 'out/samples.txt')).toBe('--- step 5\ntext 5\n\n--- step 10\ntext 10\n\n');
  resumed.run.log.append({ event: 'step', step: 11 });
  resumed.run.log.append({ event: 'end', step: 11 });
  await resumed.run.log.cutBack(11);
  expect(resumed.run.log.read().at(-1)).toEqual({ event: 'step', step: 11 });
});

test('a log too long to be read is refused by a resume, not taken for empty', async () => {
  const layer = new MemoryFiles();
  const run = RunFolder.create('out', 'run', { layer });
  run.log.append({ event: 'step', step: 1 });
  const stat = layer.stat.bind(layer);
  layer.stat = (path) => (path.endsWith('metrics.jsonl') ? { kind: 'file', size: 2 ** 30, modified: 0 } : stat(path));
  await expect(run.log.cutBack(1)).rejects.toThrow('out/metrics.jsonl: found 1073741824 bytes, expected at most');
  layer.stat = stat;
  expect(run.log.read()).toEqual([{ event: 'step', step: 1 }]);
});

test('a log line that a full disk refused comes first the next time', async () => {
  const layer = await runWith();
  const run = RunFolder.create('out', 'run', { layer, processes: processes(1) });
  layer.largestWrite = 7;
  for (let n = 1; n < 12; n++) {
    layer.reset((call) => {
      if (call >= n) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    });
    try {
      run.log.append({ event: 'step', step: n });
    } catch (error) {
      expect((error as Error).message).toContain('out: metrics.jsonl: could not be saved: ENOSPC, the disk is full');
    }
  }
  layer.reset();
  run.log.append({ event: 'step', step: 12 });
  expect(run.log.read().map((event) => event.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test('a checkpoint under another name is verified all the same', async () => {
  const layer = await runWith(10);
  layer.rename('out/step-000010', 'out/my-model');
  expect(resolveModelDir('out/my-model', layer)).toBe('out/my-model');
  layer.damage('out/my-model/model.safetensors', (data) => data.fill(0));
  expect(() => resolveModelDir('out/my-model', layer)).toThrow('model.safetensors differs from its SHA-256');
});

test('a model path means the best step of a run, a step, or a plain folder', async () => {
  const layer = await runWith(10, 20, 30);
  expect(resolveModelDir('out', layer)).toBe('out/step-000010');
  expect(resolveModelDir('out/step-000030/', layer)).toBe('out/step-000030');
  layer.remove('out/best');
  expect(resolveModelDir('out', layer)).toBe('out/step-000030');
  layer.remove('out/last');
  expect(() => resolveModelDir('out', layer)).toThrow('found step folders but neither "best" nor "last"');
  layer.damage('out/step-000030/model.safetensors', (data) => data.fill(0));
  expect(() => resolveModelDir('out/step-000030', layer)).toThrow(
    'model.safetensors differs from its SHA-256 in the manifest',
  );
  expect(() => resolveModelDir('none', layer)).toThrow('none: found nothing, expected a run folder or a model folder');
  layer.makeFolder('hf');
  expect(() => resolveModelDir('hf', layer)).toThrow(
    'hf: found an empty folder, expected a run folder or a model folder with config.json',
  );
  layer.close(layer.open('hf/pytorch_model.bin', 'new'));
  expect(() => resolveModelDir('hf/pytorch_model.bin', layer)).toThrow(
    'A PyTorch pickle can run foreign code and is never opened',
  );
  layer.close(layer.open('hf/config.json', 'new'));
  expect(resolveModelDir('hf', layer)).toBe('hf');
  expect(() => openModelFolder('hf', { layer })).toThrow(
    'expected model.safetensors. A PyTorch pickle can run foreign code',
  );
  layer.close(layer.open('hf/model-1.safetensors', 'new'));
  const handle = layer.open('hf/model.safetensors.index.json', 'new');
  layer.write(handle, new TextEncoder().encode('{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}'));
  layer.close(handle);
  expect(() => openModelFolder('hf', { layer })).toThrow(
    'hf: shard 2 of 2 is missing: expected "model-2.safetensors". Fetch it.',
  );
  layer.close(layer.open('hf/model-2.safetensors', 'new'));
  const model = openModelFolder('hf', { layer });
  expect(model.sources.map(({ name }) => name)).toEqual(['hf/model-1.safetensors', 'hf/model-2.safetensors']);
  model.close();
  expect(layer.handles).toBe(0);
});

function scratch(): string {
  return fs.mkdtempSync(join(tmpdir(), 'shaderformer-run-'));
}

test('on a real disk: save, resume, second writer, read-only place', async () => {
  const folder = scratch();
  const dir = join(folder, 'out');
  const run = RunFolder.create(dir, 'run');
  await run.saveStep(10, contents(10), { best: true });
  await run.saveStep(20, contents(20));
  await run.saveStep(20, contents(21));
  expect(() => RunFolder.openForResume(dir)).toThrow(`in use by process ${process.pid} on `);
  run.close();
  const resumed = RunFolder.openForResume(dir);
  expect([resumed.step, resumed.passedOver, resumed.run.bestStep()]).toEqual([20, [], 10]);
  expect(fs.readFileSync(join(resumed.path, 'config.json'), 'utf8')).toBe('{"step":21}');
  resumed.run.close();
  expect(fs.readdirSync(dir).sort()).toEqual(['best', 'last', 'step-000010', 'step-000020']);
  expect(openModelFolder(resolveModelDir(dir)).config).toBe('{"step":10}');
  expect(() => RunFolder.create('/proc/shaderformer', 'run')).toThrow(InputError);
  fs.rmSync(folder, { recursive: true });
});

test('on a real disk: the lock of a killed process is taken over, that of a living one holds', async () => {
  const folder = scratch();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const { self, isAlive } = machineProcesses();
  const stat = fs.existsSync('/proc') ? fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8') : '';
  const holder = { ...self, pid: child.pid!, birth: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
  fs.writeFileSync(join(folder, 'lock'), `${JSON.stringify(holder)}\n`);
  expect(isAlive(holder)).toBe(true);
  expect(() => RunFolder.create(folder, 'run')).toThrow(`in use by process ${child.pid}`);
  const gone = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  const run = RunFolder.create(folder, 'run');
  expect(JSON.parse(fs.readFileSync(join(folder, 'lock'), 'utf8')).pid).toBe(process.pid);
  run.close();
  fs.rmSync(folder, { recursive: true });
});

test('on a real disk: a full one fails with the code in the sentence', async () => {
  if (!fs.existsSync('/dev/full')) return console.log('run folder: the full disk is skipped, /dev/full is not here');
  const folder = scratch();
  const run = RunFolder.create(join(folder, 'out'), 'run', {
    layer: {
      ...diskLayer,
      open: (path, mode) =>
        diskLayer.open(
          path.endsWith('model.safetensors') ? '/dev/full' : path,
          path.endsWith('model.safetensors') ? 'append' : mode,
        ),
    },
  });
  await expect(run.saveStep(10, contents(10))).rejects.toThrow(
    /step-000010: model.safetensors: could not be saved: ENOSPC, the disk is full/,
  );
  expect(fs.readdirSync(join(folder, 'out'))).toEqual(['lock']);
  run.close();
  fs.rmSync(folder, { recursive: true });
});
