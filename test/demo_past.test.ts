// The past of a run of the page: kept states are thinned, any step comes back to the last bit, and a fork begins where it says.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { lossHash } from '../demo/worker/fork.ts';
import type { Home } from '../demo/worker/home.ts';
import { type KeptState, KeptStates, MOST_BYTES, MOST_STATES } from '../demo/worker/kept_states.ts';
import { Past } from '../demo/worker/past.ts';
import { Questions } from '../demo/worker/questions.ts';
import { PageRun } from '../demo/worker/run.ts';
import { heldFiles } from '../demo/worker/run_folder.ts';
import { readSave } from '../demo/worker/saves.ts';
import { type Device, hashOf, openDevice, type RunEvent, Twin } from '../src/index.ts';
import { adapter } from './harness/program.ts';
import { page, seenAt, settings, text, train } from './harness/small_page_run.ts';

describe('kept states', () => {
  const state = (step: number, bytes: number) => ({ step, bytes }) as KeptState;

  test('are at most so many and so large; the first and the newest stay, and between them no hole is wide', () => {
    for (const bytes of [1000, 3e6]) {
      const kept = new KeptStates();
      for (let step = 25; step <= 10_000; step += 25) {
        kept.add(state(step, bytes));
        expect(kept.steps.length).toBeLessThanOrEqual(MOST_STATES);
        expect(kept.bytes).toBeLessThanOrEqual(MOST_BYTES);
        expect([kept.steps[0], kept.steps.at(-1)]).toEqual([25, step]);
      }
      const { steps } = kept;
      expect(steps.length).toBeGreaterThan(8);
      const holes = steps.slice(1).map((each, i) => each - steps[i]!);
      expect(Math.max(...holes)).toBeLessThan(10_000 / 4);
    }
  });

  test('have what room others leave, and go over from one run to the next', () => {
    const kept = new KeptStates(MOST_BYTES - 100);
    for (const step of [1, 2, 3, 4]) kept.add(state(step, 40));
    expect(kept.steps).toEqual([1, 4]);
    expect([kept.hasRoom(100), kept.hasRoom(101)]).toEqual([true, false]);
    expect(kept.between(1, 9, MOST_BYTES - 50).steps).toEqual([4]);
    expect(kept.between(0, 3, 0).steps).toEqual([1]);
  });

  test('that have no room are none, and what a run that went back did after its save is forgotten', () => {
    const kept = new KeptStates();
    kept.add(state(25, MOST_BYTES + 1));
    expect(kept.steps).toEqual([]);
    for (const step of [25, 50, 75, 50]) kept.add(state(step, 10));
    expect(kept.steps).toEqual([25, 50]);
    expect(kept.before(49)?.step).toBe(25);
    expect(kept.before(24)).toBe(null);
  });
});

let device: Device;
let home: Home;

beforeAll(async () => {
  device = await openDevice(adapter === undefined ? {} : { adapter });
  home = { machine: device, device, twin: null };
});
afterAll(() => device.close());

const begin = (where = home) => new PageRun(where, { settings, seed: page.seed, text });

const sampleAt = (events: readonly RunEvent[], step: number) =>
  events.find((event) => event.event === 'sample' && event.step === step) as { text: string } | undefined;

describe('any step of a run', () => {
  /** Parameter hashes of runs that were stopped there. */
  const stopped = new Map<number, string>();
  let whole: string;

  beforeAll(async () => {
    for (const step of [0, 1, 7, 10, 13]) {
      const run = begin();
      if (step > 0) await train(run, step);
      expect(run.parts.trainer.step).toBe(step);
      stopped.set(step, await hashOf(device, run.parts.model));
      run.release();
    }
    const run = begin();
    await train(run, page.steps);
    whole = await hashOf(device, run.parts.model);
    run.release();
  });

  test('comes back to the last bit, forwards and backwards, its sample to the letter, and memory is given back', async () => {
    const run = begin();
    const past = Past.of(run, null, { other: false });
    await train(run, page.steps, past);
    expect(past.kept).toEqual([0, 4, 6, 8, 12, 14]);
    const before = device.shared.buffers.liveBytes;
    for (const step of [7, 13, 10, 0, 1]) {
      const seen = await seenAt(past, step);
      expect(seen.run.trainer.reached).toBe(step);
      expect(await hashOf(device, seen.run.model), `step ${step}`).toBe(stopped.get(step));
      if (step === 10 || step === 0) expect(await seen.run.sample!(() => false)).toBe(sampleAt(run.events, step)!.text);
    }
    expect(device.shared.buffers.liveBytes).toBeGreaterThan(before);
    past.rest();
    expect(device.shared.buffers.liveBytes).toBeLessThanOrEqual(before);
    expect(await hashOf(device, run.parts.model)).toBe(whole);
    await expect(past.reach(15, 0)).rejects.toThrow('step 15: not made yet, expected one up to 14');
    run.release();
  });

  test('is looked at while the run trains, a piece at a time, and the run ends as if nobody had', async () => {
    const told: { id: number; step: number; text: string | undefined; error: string | null }[] = [];
    const questions = new Questions((news) => {
      if (news.type !== 'answered') return;
      const { id, step, answer, error } = news;
      told.push({ id, step, text: (answer as { text: string } | null)?.text, error });
    });
    const run = begin();
    const past = Past.of(run, null, { other: false });
    questions.use(run.looked, past);
    let asked = false;
    await train(run, page.steps, past, async () => {
      if (!asked && run.progress.step === 12) {
        asked = true;
        questions.add({ type: 'ask', id: 1, step: 10, question: { kind: 'sample' } });
        questions.add({ type: 'ask', id: 2, step: 3, question: { kind: 'sample' } });
        questions.add({ type: 'ask', id: 3, step: 99, question: { kind: 'sample' } });
        await questions.serve(0);
        questions.cancel(2);
      }
      await questions.serve(0);
    });
    while (told.length < 3) await questions.serve(0);
    expect(told.find(({ id }) => id === 1)).toMatchObject({ step: 10, text: sampleAt(run.events, 10)!.text });
    expect(told.find(({ id }) => id === 2)).toMatchObject({ text: undefined, error: null });
    expect(told.find(({ id }) => id === 3)!.error).toContain('step 99: not made yet');
    questions.rest();
    expect(await hashOf(device, run.parts.model)).toBe(whole);
    run.release();
  });

  test('whose losses are other ones than those of the curve is refused with both', async () => {
    const run = begin();
    const past = Past.of(run, null, { other: false });
    await train(run, 7, past);
    const fifth = run.events.find((event) => event.event === 'step' && event.step === 5) as { loss: number };
    const { loss } = fifth;
    fifth.loss = loss + 1;
    await expect(seenAt(past, 5)).rejects.toThrow(`step 5: found a loss of ${loss} when it was trained again`);
    await seenAt(past, 6);
    past.rest();
    run.release();
  });

  test('comes back on the CPU twin too', async () => {
    const twin: Home = { machine: new Twin(), device: null, twin: 'no GPU' };
    const one = begin(twin);
    await train(one, 3);
    const hash = await hashOf(twin.machine, one.parts.model);
    one.release();
    const run = begin(twin);
    const past = Past.of(run, null, { other: false });
    await train(run, 5, past);
    const seen = await seenAt(past, 3);
    expect(await hashOf(twin.machine, seen.run.model)).toBe(hash);
    past.rest();
    run.release();
  });

  test('of a resumed run, before its save too; of one that goes on with other settings only after it', async () => {
    const run = begin();
    await train(run, 7);
    const files = await heldFiles(run);
    run.release();
    const found = { ...readSave(files), id: null, text: null, savedAt: null };
    const again = begin();
    await again.restore(files, found.state, false);
    const past = Past.of(again, found, { other: false });
    await train(again, 11, past);
    for (const step of [1, 10]) {
      const seen = await seenAt(past, step);
      expect(await hashOf(device, seen.run.model), `step ${step}`).toBe(stopped.get(step));
    }
    past.rest();
    const other = Past.of(again, found, { other: true });
    await expect(other.reach(5, 0)).rejects.toThrow('step 5: before this run, which began at step 7');
    again.release();
  });
});

describe('what is kept of a page', () => {
  const saved = async (run: PageRun, pad: number) => {
    const files = new Map([...(await heldFiles(run)), ['pad.safetensors', new Uint8Array(pad)] as const]);
    return { ...readSave(files), id: null, text: null, savedAt: null };
  };

  test('has one bound, however often a run is forked: what has no room is forgotten from its beginning', async () => {
    let run = begin();
    let past = Past.of(run, null, { other: false });
    for (const step of [2, 4, 6, 8]) {
      await train(run, step, past);
      const found = await saved(run, 0.4 * MOST_BYTES);
      run.release();
      run = begin();
      await run.restore(found.files, found.state, true);
      past = Past.of(run, found, { before: past, other: true });
      expect(past.bytes, `fork at ${step}`).toBeLessThanOrEqual(MOST_BYTES);
    }
    expect(past.kept).toEqual([6, 8]);
    await expect(past.reach(5, 0)).rejects.toThrow('step 5: before this run, which began at step 6');
    run.release();
  });

  test('grows by no second copy where a lost device is rebuilt', async () => {
    const run = begin();
    const past = Past.of(run, null, { other: false });
    await train(run, 7, past);
    const at5 = await hashOf(device, (await seenAt(past, 5)).run.model);
    past.rest();
    const found = await saved(run, 0);
    run.release();
    expect(past.kept).toEqual([0, 4, 6, 7]);
    const again = begin();
    await again.restore(found.files, found.state, false);
    const own = Past.of(again, found, { before: past, other: false });
    expect(own.kept).toEqual([0, 4, 6, 7]);
    expect(own.bytes).toBe(past.bytes);
    expect(await hashOf(device, (await seenAt(own, 5)).run.model)).toBe(at5);
    own.rest();
    again.release();
  });

  test('leaves no room for a second copy of the run where what is alive takes it: refused in a sentence', async () => {
    const run = begin();
    const past = Past.of(run, null, { other: false });
    await train(run, 5, past);
    const live = device.shared.buffers.liveBytes;
    const total = Math.max(live, run.memory.total) + run.memory.total;
    vi.stubGlobal('navigator', { deviceMemory: (2 * total) / 2 ** 30 });
    try {
      await seenAt(past, 3);
      past.rest();
      const other = begin();
      await train(other, 2);
      expect(device.shared.buffers.liveBytes).toBeGreaterThan(Math.max(live, run.memory.total));
      await expect(seenAt(past, 3)).rejects.toThrow(
        /^past: a second copy of this run needs .+ beside the .+ that are held, this page may have .+\. Look at the newest step\.$/,
      );
      other.release();
      await seenAt(past, 3);
      past.rest();
    } finally {
      vi.unstubAllGlobals();
      run.release();
    }
  });
});

describe('a fork', () => {
  test('with unchanged settings ends as the run does; with others its past is that of both', async () => {
    const run = begin();
    const past = Past.of(run, null, { other: false });
    await train(run, page.steps, past);
    const end = await hashOf(device, run.parts.model);
    const copy = await past.copy(9, async () => {});
    const at9 = await hashOf(device, copy.run.parts.model);
    const before = lossHash(run.events, 9);
    expect(lossHash(run.events, 9, copy.losses)).toBe(before);
    expect(lossHash(run.events, 10)).not.toBe(before);
    expect(lossHash(run.events.slice(5), 9)).toBe(null);
    const files = await heldFiles(copy.run);
    expect(copy.from).toBe(8);
    copy.release();
    const found = { ...readSave(files), id: null, text: null, savedAt: null };
    // As the loop of the run stood there.
    expect(found.state.schedule.get('evaluatedAt')).toBe(6);
    run.release();
    for (const learningRate of [settings.learningRate, 5e-3]) {
      const forked = new PageRun(home, { settings: { ...settings, learningRate }, seed: page.seed, text });
      await forked.restore(files, found.state, true);
      expect(await hashOf(device, forked.parts.model)).toBe(at9);
      expect(lossHash(forked.events, 9)).toBe(before);
      const own = Past.of(forked, found, { before: past, other: true });
      await train(forked, page.steps, own);
      const hash = await hashOf(device, forked.parts.model);
      if (learningRate === settings.learningRate) expect(hash).toBe(end);
      else expect(hash).not.toBe(end);
      for (const step of [5, 9, 11]) {
        const seen = await seenAt(own, step);
        if (step === 9) expect(await hashOf(device, seen.run.model)).toBe(at9);
      }
      own.rest();
      forked.release();
    }
  });
});
