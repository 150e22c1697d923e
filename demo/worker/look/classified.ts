// Which class a text has.
import { classifyRows, InputError, promptIds } from '../../../src/index.ts';
import { ClassScorer } from '../../../src/train/class_scores.ts';
import type { ClassGuess } from '../../protocol/lessons.ts';
import type { Answered, Asked } from '../../protocol/questions.ts';
import type { Look } from './look.ts';

/** @throws InputError for a run that teaches no classes, and for an empty text */
export async function classifyText(look: Look, { text }: Asked<'classified'>): Promise<Answered<'classified'>> {
  const { machine, classifier, tokenizer, dtype, context } = look.run;
  if (!classifier)
    throw new InputError(
      'classified: found a run that teaches no classes, expected one. Teach the model to classify first.',
    );
  if (text.trim() === '') throw new InputError('text: found none, expected some words. Type a text.');
  const ids = promptIds(tokenizer, text.trim());
  const scorer = look.keep('classified', () => new ClassScorer(machine, classifier, dtype));
  const { labels, pooling, width, padId, masked } = classifier;
  const rows = classifyRows(
    [{ ids, label: 0, line: 1 }],
    { labels, pooling, width, padId, blockSize: context, masked },
    { where: 'text' },
  );
  const [scores] = await scorer.scores(rows);
  const classes: ClassGuess[] = labels.map((name, i) => ({ name, probability: Math.exp(scores![i]!) }));
  return { classes: classes.sort((a, b) => b.probability - a.probability) };
}
