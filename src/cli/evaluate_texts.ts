// evaluate --hypotheses: scores of texts that are there already, whoever wrote them. No model and no adapter is looked for.

import { counted, grouped } from '../data/counted.ts';
import { linesOf } from '../data/file_lines.ts';
import { requireFile } from '../data/text_source.ts';
import { InputError } from '../errors.ts';
import { rougeWords } from '../scores/rouge.ts';
import { summaryScores, translationLines, translationScores } from '../scores/text_scores.ts';
import type { CommandContext } from './command.ts';
import type { EvaluateFlags } from './evaluate_flags.ts';

/** @throws InputError for files that are not there, no text, or not as long as each other */
export function evaluateTexts(
  { out }: CommandContext,
  { task, hypotheses, references, lowercase }: EvaluateFlags,
): void {
  const file = hypotheses!;
  const said = textsOf(file, '--hypotheses');
  const expected = references.map((reference) => {
    const lines = textsOf(reference, '--references');
    if (lines.length !== said.length)
      throw new InputError(
        `${file} and ${reference}: found ${said.length} and ${lines.length} lines, expected as many in both: each line of one belongs to that of the other. Look for a line that is missing or too many.`,
      );
    return lines;
  });
  if (task === 'summarize') {
    const scores = summaryScores(said, expected);
    out.emit({ ...scores, texts: said.length });
    out.print(
      `ROUGE-L ${scores.rougeL.toFixed(4)} (mean F1 of words) over ${counted(said.length, 'text')}, ${(100 * scores.exactMatch).toFixed(2)} % of them exactly as the reference`,
    );
    const wordless = expected[0]!.filter((text) => rougeWords(text).length === 0).length;
    if (wordless > 0)
      out.note(
        `${references[0]}: ${grouped(wordless)} of ${counted(said.length, 'text')} have no word of the letters a to z and digits, the only ones that ROUGE-L knows: they count as 0`,
      );
    return;
  }
  const scores = translationScores(said, expected, { lowercase });
  out.emit({ ...scores, texts: said.length });
  for (const line of translationLines(scores)) out.print(line);
}

/** The lines of a file. @param flag that named it */
function textsOf(file: string, flag: string): string[] {
  requireFile(file, 'texts, one a line', flag);
  return [...linesOf(file)];
}
