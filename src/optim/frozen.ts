// Which parts of a model are trained. Frozen parameters get no gradient nodes, no gradients and no moments.
import { InputError } from '../errors.ts';
import { wholeName } from '../tensor/pieces.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * all: everything. head: the table of the output, which in a tied model is that of the tokens too, and the norm before it.
 * last-block: these, and the last block.
 */
export const TRAINED_PARTS = ['all', 'head', 'last-block'] as const;
export type TrainedPart = (typeof TRAINED_PARTS)[number];

/** By Hugging Face's names. */
const HEAD = /(^|\.)lm_head\.weight$/;
const TOKENS = /(^|\.)(wte|embed_tokens|shared)\.weight$/;
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
  const table = names.some((name) => HEAD.test(name)) ? HEAD : TOKENS;
  return (name) => {
    const block = BLOCK.exec(name)?.[3];
    if (block !== undefined) return train === 'last-block' && Number(block) === last;
    return table.test(name) || LAST_NORM.test(name);
  };
}

/** Whether a name is the pattern, in which `*` stands for any characters. Takes time by the length of the name, whatever the pattern. */
function matches(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split('*') as [string, ...string[]];
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    at = name.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return at <= name.length - last.length;
}

/** Without the numbers of the blocks, of which each has the same. */
function namesText(names: readonly string[]): string {
  const few = [...new Set(names.map((name) => name.replace(/\.\d+\./, '.0.')))];
  return `${few.slice(0, 20).join(', ')}${few.length > 20 ? ', …' : ''}`;
}
