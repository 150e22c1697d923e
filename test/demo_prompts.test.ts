// The prompt box's queue: a model gives back what it holds as soon as another takes its place, whatever waits or is on its way.
import { expect, test, vi } from 'vitest';
import type { Writer } from '../demo/worker/any_run.ts';
import { Prompts, plainWriter } from '../demo/worker/prompts.ts';
import type { TokenGenerator } from '../src/index.ts';
import { ids, tokenizer } from './harness/tiny_training.ts';

const request = (id: number) =>
  ({ type: 'generate', id, prompt: 'It', maxNewTokens: 4, temperature: 1, topK: 0 }) as const;

/** Writes the same letters for ever, when it is let. */
function writer(opens: Promise<void> = Promise.resolve()): Writer & { held: boolean } {
  async function* generate() {
    for (const id of ids) yield { id };
  }
  const generator = { generate } as unknown as TokenGenerator;
  const made = {
    ...plainWriter(generator, tokenizer),
    held: false,
    async generator() {
      made.held = true;
      await opens;
      return generator;
    },
    rest() {
      made.held = false;
    },
  };
  return made;
}

test('a model whose place is taken gives back what it holds, though more is asked', async () => {
  const prompts = new Prompts(() => {});
  const first = writer();
  prompts.use(first);
  prompts.add(request(1));
  prompts.add(request(2));
  await prompts.serve(0);
  expect(first.held).toBe(true);
  const second = writer();
  prompts.use(second);
  expect(first.held).toBe(false);
  await prompts.serve(0);
  expect([first.held, second.held]).toEqual([false, true]);
});

test('one that is being made when its place is taken gives it back behind that, and the request is told', async () => {
  const told: unknown[] = [];
  const prompts = new Prompts((news) => told.push(news));
  let opened = () => {};
  const first = writer(
    new Promise((resolve) => {
      opened = resolve;
    }),
  );
  prompts.use(first);
  prompts.add(request(1));
  prompts.add(request(2));
  const served = prompts.serve(0);
  const second = writer();
  prompts.use(second);
  opened();
  await served;
  expect([first.held, second.held]).toEqual([false, true]);
  expect(told[0]).toMatchObject({ type: 'generated', id: 1, cancelled: true });
});

test('a model of the shelf that fails ends its own prompt; the model of the run ends the run with it', async () => {
  const told: unknown[] = [];
  const prompts = new Prompts((news) => told.push(news));
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
  const fails = () => Promise.reject(new TypeError('no such module'));
  prompts.use({ of: fails, rest() {} });
  prompts.add(request(1));
  await prompts.serve(0);
  expect(told).toEqual([{ type: 'generated', id: 1, text: '', cancelled: true, error: 'The prompt failed.' }]);
  expect(logged).toHaveBeenCalledOnce();
  logged.mockRestore();
  prompts.use({ ...writer(), generator: fails });
  prompts.add(request(2));
  await expect(prompts.serve(0)).rejects.toThrow('no such module');
});
