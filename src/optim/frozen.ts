// Which parts of a model are trained. Frozen parameters get no gradient nodes, no gradients and no moments.
import { InputError } from '../errors.ts';
import { matches, namesText } from '../nn/name_pattern.ts';
import { wholeName } from '../tensor/pieces.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * all: everything. head: what gives the output, and the norm before it: a classifier's scores, else the table of the output, which in
 * a tied model is that of the tokens too. last-block: these, and the last block.
 */
export const TRAINED_PARTS = ['all', 'head', 'last-block'] as const;
export type TrainedPart = (typeof TRAINED_PARTS)[number];

/** By Hugging Face's names. What gives the output, where a model has several: the first of these. */
const HEADS = [/^score\.(weight|bias)$/, /(^|\.)lm_head\.weight$/, /(^|\.)(wte|embed_tokens|shared)\.weight$/];
const LAST_NORM = /(^|\.)(ln_f|norm|final_layer_norm)\.(weight|bias)$/;
const BLOCK = /(^|\.)(h|layers|block)\.(\d+)\./;

/**
 * Freezes what is not trained, before an optimizer is made and a step is traced.
 * @param freeze names that are frozen besides, with commas between; `*` stands for any characters: `transformer.wte.weight,*.ln_1.*`
 * @throws InputError for a name that no parameter has, and where nothing would be trained
 */
export function freezeParts(parameters: readonly Tensor[], train: TrainedPart, freeze = ''): void {
  const names = parameters.map(wholeName);
  const frozen = freeze.split(',').flatMap((each) => each.trim() || []);
  const unknown = frozen.find((pattern) => !names.some((name) => matches(pattern, name)));
  if (unknown !== undefined)
    throw new InputError(
      `--freeze: found ${JSON.stringify(unknown)}, expected the name of a parameter, perhaps with * in it: this model has ${namesText(names)}.`,
    );
  const isTrained = trainedBy(train, names);
  for (const [i, parameter] of parameters.entries())
    parameter.trainable = isTrained(names[i]!) && !frozen.some((pattern) => matches(pattern, names[i]!));
  if (!parameters.some((parameter) => parameter.trainable))
    throw new InputError(`--freeze: found ${JSON.stringify(freeze)}, which leaves nothing to train. Freeze less.`);
}

/** Number of trained numbers of a model; tied tables count once. */
export function trainedCount({ parameters }: { readonly parameters: readonly Tensor[] }): number {
  return parameters.reduce((n, p) => n + (p.trainable ? p.size : 0), 0);
}

function trainedBy(train: TrainedPart, names: readonly string[]): (name: string) => boolean {
  if (train === 'all') return () => true;
  const blocks = names.map((name) => Number(BLOCK.exec(name)?.[3] ?? -1));
  const last = Math.max(...blocks);
  const head = HEADS.find((each) => names.some((name) => each.test(name)));
  return (name) => {
    const block = BLOCK.exec(name)?.[3];
    if (block !== undefined) return train === 'last-block' && Number(block) === last;
    return head?.test(name) || LAST_NORM.test(name);
  };
}
