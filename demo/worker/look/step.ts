// The step that comes next, or that ended the run, planned as the trainer runs it.
import { InputError, type PlannedStep, StepPlans } from '../../../src/index.ts';
import type { StepShares } from '../../protocol/parts.ts';
import type { Look } from './look.ts';

/** What is kept while somebody looks: no values of a step. */
export class StepKept {
  readonly plans = new StepPlans();
  shares: StepShares | null = null;
  release(): void {}
}

export function keptOf(look: Look): StepKept {
  return look.keep('step', () => new StepKept());
}

/** @throws InputError on the twin, which runs no kernels */
export function deviceOf({ run: { device } }: Look) {
  if (device) return device;
  throw new InputError(
    'kernels: found the CPU twin, which runs none, expected a GPU. Open the page in a browser with WebGPU.',
  );
}

/** @throws InputError as deviceOf */
export function nextStep(look: Look): { ofStep: number; step: PlannedStep } {
  const { trainer } = look.run;
  const { halted } = trainer;
  const ofStep = look.step + 1;
  const input = halted ?? { batches: look.run.peek(), learningRate: look.run.learningRate(ofStep) };
  return { ofStep, step: keptOf(look).plans.plan(deviceOf(look), trainer.replays(ofStep, input)) };
}

/** The part of the model that a dispatch belongs to: of norms it is told apart, since they have weights of their own. */
export function partOf({ scope, op }: { scope: string; op: string }): string {
  const place = scope.replace(/\.(backward|again)\b/g, '');
  if (place === '') return 'loss';
  return /norm/.test(op) && /\.(attn|mlp)$/.test(place) ? `${place}.norm` : place;
}
