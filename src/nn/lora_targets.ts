// Which layers of a model an adapter is for: by name, by the end of a name, by a pattern, or all of them.
import { InputError } from '../errors.ts';
import { familyRow } from './families.ts';
import type { LanguageModel } from './model.ts';
import { matchesEnd } from './name_pattern.ts';

/** PEFT's word for all linear layers of the blocks. */
const ALL_LINEAR = 'all-linear';

/** Tables of tokens and of the output, whose weights may be one. */
const TABLES = ['transformer.wte', 'transformer.wpe', 'model.embed_tokens', 'encoder.embed_tokens', 'lm_head'];

/**
 * The names of the layers that are meant, in the order of the model.
 * @param targets by default those of PEFT for the family
 * @param where who asks, for messages
 * @throws InputError for a target that no layer has, and for tables
 */
export function targetLayers(
  { config, linears }: Pick<LanguageModel, 'config' | 'linears'>,
  targets: readonly string[] | undefined,
  where: string,
): string[] {
  const names = [...linears.keys()];
  const wanted = targets ?? familyRow(config.family).loraTargets;
  if (wanted.length === 0)
    throw new InputError(
      `${where}: found no target, expected names of layers. Name some: ${leaves(names)}, or ${ALL_LINEAR}.`,
    );
  for (const target of wanted) {
    if (names.some((name) => isMeant(target, name))) continue;
    if (isTable(target))
      throw new InputError(
        `${where}: found the target ${quoted(target)}, expected linear layers of the blocks: tables of tokens and the head, which may share their weight, take no adapter. Leave it out; this model has ${leaves(names)}.`,
      );
    throw new InputError(
      `${where}: found the target ${quoted(target)}, which no layer is called, expected names, perhaps with * in them. Correct it: this model has ${leaves(names)}.`,
    );
  }
  return names.filter((name) => wanted.some((target) => isMeant(target, name)));
}

/** Those of the targets that no layer and no table is called: PEFT passes over them where a file has them beside others. */
export function strayTargets({ linears }: Pick<LanguageModel, 'linears'>, targets: readonly string[]): string[] {
  return targets.filter((target) => !isTable(target) && ![...linears.keys()].some((name) => isMeant(target, name)));
}

const isMeant = (target: string, name: string) => target === ALL_LINEAR || matchesEnd(target, name);
const isTable = (target: string) => TABLES.some((name) => matchesEnd(target, name));

/**
 * The shortest names by which PEFT finds just these layers: it knows no patterns.
 * @param all names of all linear layers
 */
export function plainTargets(layers: readonly string[], all: Iterable<string>): string[] {
  const chosen = new Set(layers);
  const others = [...all].filter((name) => !chosen.has(name));
  const plain = new Set<string>();
  for (const name of layers) {
    const parts = name.split('.');
    const ends = parts.map((_, i) => parts.slice(-1 - i).join('.'));
    plain.add(ends.find((end) => !others.some((other) => matchesEnd(end, other)))!);
  }
  return [...plain];
}

/** Such a name may be a stranger's. */
function quoted(target: string): string {
  return JSON.stringify(target.length > 80 ? `${target.slice(0, 80)}…` : target);
}

/** Last parts of the layers' names, each once; longer where it is the same in another place of a block: attn.c_proj, mlp.c_proj. */
function leaves(names: readonly string[]): string {
  const inBlock = [...new Set(names.map((name) => name.replace(/^.*\.\d+\./, '')))];
  const leaf = (name: string) => name.split('.').at(-1)!;
  const alone = (name: string) => inBlock.filter((other) => leaf(other) === leaf(name)).length === 1;
  return inBlock.map((name) => (alone(name) ? leaf(name) : name)).join(', ');
}
