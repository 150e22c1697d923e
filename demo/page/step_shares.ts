// What the parts of the model cost of a step, once somebody has had it measured: the drawing of the model and the kernels show the same.
import { computed, signal } from '@preact/signals';
import type { StepShares } from '../protocol/parts.ts';
import { DROPPED } from './pending.ts';
import { store } from './store.ts';

const measured = signal<{ of: string; shares: StepShares } | null>(null);
/** Why it could not be measured. */
export const sharesProblem = signal<string | null>(null);
export const measuring = signal(false);

/** Of the present run; null before it was measured. */
export const stepShares = computed(() =>
  measured.value && measured.value.of === store.ready.value?.link ? measured.value.shares : null,
);

export async function measureShares(): Promise<void> {
  const of = store.ready.peek()?.link;
  if (of === undefined || measuring.peek() || stepShares.peek()) return;
  measuring.value = true;
  sharesProblem.value = null;
  try {
    const { answer } = await store.ask('shares', {}).answer;
    measured.value = { of, shares: answer };
  } catch (error) {
    if (error instanceof Error && error.message !== DROPPED) sharesProblem.value = error.message;
  } finally {
    measuring.value = false;
  }
}

/** `12 %`, `0.4 %`, in one piece. */
export function percentText(share: number): string {
  const percent = 100 * share;
  return `${percent < 0.1 ? 'under 0.1' : percent < 9.95 ? percent.toFixed(1) : Math.round(percent)}\u00a0%`;
}

/** `0.012 ms`, `61 ms`. */
export function msText(ms: number): string {
  return `${ms >= 99.5 ? Math.round(ms) : Number(ms.toPrecision(2))}\u00a0ms`;
}
