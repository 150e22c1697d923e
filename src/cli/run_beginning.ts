// Where a run begins: at the state of a checkpoint, or at its first step with as many before it as a time allows.
import { diskLayer, fileSource } from '../checkpoint/files.ts';
import { InputError } from '../errors.ts';
import { savedCursor, savedProgress } from '../train/checkpoint_files.ts';
import type { LoopProgress } from '../train/loop.ts';
import { loadOptimizer } from '../train/snapshot.ts';
import type { CommandContext } from './command.ts';
import type { RunFiles } from './run_files.ts';
import type { ResumedRun, TrainingRun } from './training_run.ts';

/**
 * Brings weights, moments and data to where a checkpoint left them, and cuts off what was logged after it.
 * @throws InputError if the run that was saved is another than this one
 */
export async function restoreRun(
  { device, trainer, kept, data }: TrainingRun,
  { run, state, path }: ResumedRun,
  files: RunFiles,
  out: CommandContext['out'],
): Promise<LoopProgress> {
  files.check(state, path, out);
  await kept.load(path);
  const moments = openMoments(path);
  try {
    await loadOptimizer(device, trainer.optimizer, moments);
  } finally {
    moments.close();
  }
  data.sampler.restore(savedCursor(state) as never);
  trainer.step = state.step;
  await run.log.cutBack(state.step);
  return savedProgress(state);
}

/** @throws InputError if the folder has no such file */
function openMoments(path: string): ReturnType<typeof fileSource> {
  const name = `${path}/optimizer.safetensors`;
  if (!diskLayer.stat(name))
    throw new InputError(
      `${path}: found no optimizer.safetensors, expected the moments of the optimizer. Go on with another checkpoint, or begin a new run.`,
    );
  return fileSource(name);
}

/**
 * How many steps fit into so many minutes: times a few with learning rate 0 and then forgets them, so that nothing of the run
 * depends on it but its length.
 */
export async function stepsIn(
  minutes: number,
  { trainer, data }: TrainingRun,
  { out, signal }: Pick<CommandContext, 'out' | 'signal'>,
): Promise<number> {
  const batches = data.next();
  const times: number[] = [];
  const stop = () => signal.requested;
  for await (const { ms } of trainer.advance(6, () => ({ batches, learningRate: 0 }), stop)) times.push(ms);
  trainer.machine.release(trainer.tensors());
  trainer.step = 0;
  data.sampler.restore({ ...data.sampler.state(), step: 0 } as never);
  const perStep = Math.min(...times.slice(1));
  const steps = Math.max(10, Math.floor((minutes * 60_000) / perStep));
  if (!signal.requested)
    out.note(
      `${minutes} minutes are ${steps} steps here, at ${perStep.toFixed(perStep < 10 ? 1 : 0)} ms a step (evaluation and samples not counted)`,
    );
  return steps;
}
