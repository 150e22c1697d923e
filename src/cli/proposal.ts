// A model that does not fit, changed until it does: every proposal has been planned. What leaves the training as it was is tried
// first, a shorter context last.
import { InputError } from '../errors.ts';
import { type Limits, MOST_BATCHES, misfit } from '../train/limits.ts';
import type { RunMemory } from '../train/memory.ts';
import type { TrainingSettings } from '../train/settings.ts';

type Sized = TrainingSettings & { batchTokens?: number };
type Changes = Partial<Pick<Sized, 'batch' | 'batchTokens' | 'accumulate' | 'recompute' | 'context'>>;

/** Contexts below this are no language model's. */
const SHORTEST = 8;

export interface Proposal {
  changes: Changes;
  memory: RunMemory;
}

/** What the search found: settings that fit, or else those that need the least of all that it tried (null: none can be planned). */
export interface Search {
  fits: Proposal | null;
  smallest: Proposal | null;
}

/**
 * In this order until one fits: accumulate (the same rows a step in smaller batches, the largest that fits), recompute, both; then
 * the same at half the context, a quarter, and so on.
 * @param memoryOf plans a run of these settings
 * @param shortest context that is tried   @param sized which setting says how large a batch is
 */
export function propose<S extends TrainingSettings>(
  memoryOf: (settings: S) => RunMemory,
  settings: S,
  limits: Limits,
  shortest = SHORTEST,
  sized: 'batch' | 'batchTokens' = 'batch',
): Search {
  let smallest: Proposal | null = null;
  for (const changes of changesOf(settings, shortest, sized)) {
    const memory = memoryUnder(memoryOf, { ...settings, ...changes });
    if (!memory) continue;
    if (misfit(memory, limits) === null) return { fits: { changes, memory }, smallest };
    if (!smallest || memory.total < smallest.memory.total) smallest = { changes, memory };
  }
  return { fits: null, smallest };
}

/**
 * One by one: less work may need more memory (logits are kept while they are few), so no order of sizes can be relied on.
 */
function* changesOf(settings: Sized, shortest: number, sized: 'batch' | 'batchTokens'): Generator<Changes> {
  const { context: longest, accumulate, recompute } = settings;
  const size = settings[sized]!;
  const smaller = divisorsBelow(size)
    .map((each) => ({ [sized]: each, accumulate: (accumulate * size) / each }))
    .filter((changes) => changes.accumulate <= MOST_BATCHES);
  for (let context = longest; context >= shortest || context === longest; context = Math.floor(context / 2)) {
    const shorter: Changes = context === longest ? {} : { context };
    const ways: Changes[] = recompute ? [shorter] : [shorter, { recompute: true, ...shorter }];
    const all = ways.flatMap((way) => [{}, ...smaller].map((batches): Changes => ({ ...batches, ...way })));
    // Without any change it did not fit, or nobody would ask.
    yield* all.filter((changes) => Object.keys(changes).length > 0);
  }
}

/** `--batch 1 --accumulate 8 --recompute` */
export function flagsOf({ batch, batchTokens, accumulate, recompute, context }: Changes): string {
  return [
    batch !== undefined && `--batch ${batch}`,
    batchTokens !== undefined && `--batch-tokens ${batchTokens}`,
    accumulate !== undefined && `--accumulate ${accumulate}`,
    recompute && '--recompute',
    context !== undefined && `--context ${context}`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** null for sizes that no adapter can address or dispatch. */
function memoryUnder<S extends TrainingSettings>(memoryOf: (settings: S) => RunMemory, settings: S): RunMemory | null {
  try {
    return memoryOf(settings);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** Numbers below n that divide it, from large to small: with them a step keeps its rows. */
function divisorsBelow(n: number): number[] {
  const found = new Set<number>();
  for (let d = 1; d * d <= n; d++) if (n % d === 0) found.add(d).add(n / d);
  return [...found].filter((d) => d < n).sort((a, b) => b - a);
}
