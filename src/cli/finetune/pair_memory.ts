// The pairs that a run was trained on, found again: they follow from its files, its settings and its seed.
import { existsSync } from 'node:fs';
import { diskLayer } from '../../checkpoint/files.ts';
import { maxConfigBytes, readLimited } from '../../checkpoint/model_folder.ts';
import { parseTrainingState } from '../../checkpoint/training_state.ts';
import { type Pair, readPairs } from '../../data/pairs/read_pairs.ts';
import { splitPairs } from '../../data/pairs/split_pairs.ts';
import { type ChosenPairs, hashOfPairs, rememberedPairs } from './pair_files.ts';

/**
 * Null where nothing tells them: no folder of a run, another task, files that are gone or have changed.
 * @param dir a step folder
 */
export function rememberedPairTraining(dir: string): { name: string; pairs: readonly Pair[] } | null {
  const state = `${dir}/training.json`;
  if (!existsSync(state)) return null;
  const { settings, random, dataHash } = parseTrainingState(readLimited(state, maxConfigBytes, diskLayer), state);
  const [task, saved] = [settings.get('task'), settings.get('data')];
  if ((task !== 'translate' && task !== 'summarize') || typeof saved !== 'string') return null;
  const chosen = rememberedPairs(saved);
  if (!filesOf(chosen).every((file) => existsSync(file)) || hashOfPairs(chosen) !== dataHash) return null;
  const column = (name: string) => String(settings.get(name) ?? '') || undefined;
  const columns = { sourceColumn: column('sourceColumn'), targetColumn: column('targetColumn') };
  const { name, pairs } = readPairs({ ...chosen.train, ...columns });
  const [validationPart, testPart] = ['validationPart', 'testPart'].map((part) => Number(settings.get(part) ?? 0));
  return {
    name,
    pairs: splitPairs(pairs, {
      validationPart: chosen.validation ? 0 : validationPart!,
      testPart: testPart!,
      seed: Number(random.get('seed')),
      name,
    }).train,
  };
}

function filesOf({ train, validation }: ChosenPairs): string[] {
  return [train, validation ?? {}].flatMap(({ data, source, target }) =>
    [data, source, target].filter((file) => file !== undefined),
  );
}
