// Which flags of evaluate go together.

import { quoted } from '../data/printable.ts';
import { InputError } from '../errors.ts';
import { type EvaluateFlags, evaluateFlags } from './evaluate_flags.ts';
import { camelCase, kebabCase } from './flags.ts';

type Task = EvaluateFlags['task'];
type Name = keyof EvaluateFlags;

/** Flags that some tasks alone have, by their camelCase names. */
const OWN: readonly (readonly [tasks: readonly Task[], names: readonly Name[]])[] = [
  [['language'], ['ids', 'stride', 'context', 'textField']],
  [['classify'], ['textColumn', 'labelColumn']],
  [['classify', 'translate'], ['trainData']],
  [['hellaswag'], ['limit']],
  [['language', 'classify', 'hellaswag'], ['adapterWeights']],
  [
    ['translate', 'summarize'],
    ['source', 'target', 'sourceColumn', 'targetColumn', 'beams', 'lengthPenalty', 'show', 'hypotheses', 'references'],
  ],
  [['translate'], ['trainSource', 'trainTarget', 'lowercase']],
];

/** What goes with texts that are there already, beside the flags of every command. */
const WITHOUT_MODEL: readonly string[] = ['task', 'hypotheses', 'references', 'lowercase'];

/** Whether texts are scored that are there already. */
export function scoresTexts({ hypotheses, references }: Pick<EvaluateFlags, 'hypotheses' | 'references'>): boolean {
  return hypotheses !== undefined || references.length > 0;
}

/** The task, which is to translate where texts are scored and nothing else was said. */
export function taskOf(given: EvaluateFlags, typed: ReadonlySet<string>): Task {
  return scoresTexts(given) && !typed.has('task') ? 'translate' : given.task;
}

/**
 * @param typed names of the flags that were typed
 * @param more words behind the flags: further references
 * @throws InputError for flags that do not go with each other
 */
export function refuseTogether(given: EvaluateFlags, typed: ReadonlySet<string>, more: readonly string[]): void {
  const { data, ids, trainData, trainSource, trainTarget } = given;
  const task = taskOf(given, typed);
  for (const [tasks, names] of OWN) {
    const name = tasks.includes(task) ? undefined : names.find((each) => typed.has(each));
    if (name)
      throw new InputError(
        `--${kebabCase(name)}: found beside --task ${task}, expected it with --task ${tasks.join(' or ')} alone. Leave it out.`,
      );
  }
  if (more.length > 0 && given.references.length === 0)
    throw new InputError(
      `evaluate: found the word ${quoted(more[0]!)}, expected only flags, which begin with --. Texts to compare with go behind --references.`,
    );
  if (scoresTexts(given)) refuseWithoutModel(given, typed);
  else if (task === 'language' && (data === undefined) === (ids === undefined))
    throw new InputError(
      `evaluate: found ${data === undefined ? 'neither --data nor' : 'both --data and'} --ids, expected one of the two.`,
    );
  else if (task === 'classify' && data === undefined)
    throw new InputError(
      '--data: found nothing, expected a file with a text and its class in each row. For example: --task classify --data test.tsv',
    );
  else if (task === 'hellaswag' && data === undefined)
    throw new InputError(
      '--data: found nothing, expected a file with an object a line. For example: --task hellaswag --data hellaswag.jsonl',
    );
  else if (task === 'translate' && trainData !== undefined && (trainSource ?? trainTarget) !== undefined)
    throw new InputError(
      `--train-data: found beside --train-${trainSource === undefined ? 'target' : 'source'}, expected a table or two files. Leave one of them out.`,
    );
  else if (task === 'translate' && (trainSource === undefined) !== (trainTarget === undefined)) {
    const [found, other] = trainSource === undefined ? ['target', 'source'] : ['source', 'target'];
    throw new InputError(
      `--train-${found}: found without --train-${other}, expected both: two files whose lines belong together. Name the other.`,
    );
  }
}

function refuseWithoutModel({ hypotheses, references }: EvaluateFlags, typed: ReadonlySet<string>): void {
  const example = 'For example: --hypotheses said.txt --references test.de';
  if (hypotheses === undefined)
    throw new InputError(`--references: found without --hypotheses, expected the texts to score too. ${example}`);
  if (references.length === 0)
    throw new InputError(`--hypotheses: found without --references, expected what people wrote too. ${example}`);
  const name = evaluateFlags.find(({ name }) => typed.has(camelCase(name)) && !WITHOUT_MODEL.includes(name))?.name;
  if (name)
    throw new InputError(
      `--${name}: found beside --hypotheses, which are scored as they are, without a model, expected one of the two. Leave one out.`,
    );
}
