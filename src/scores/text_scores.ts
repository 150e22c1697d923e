// All that is said of translations, or of summaries, beside texts that people wrote: the figures by their names in JSON, and in lines.
import { corpusBleu } from './bleu.ts';
import { type Chrf, chrfOfOrders } from './chrf.ts';
import { exactMatch, rougeL } from './rouge.ts';

export interface TranslationScores {
  /** 0 to 100, with its parts. See Bleu. */
  readonly bleu: number;
  readonly bleuSignature: string;
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  readonly hypLength: number;
  readonly refLength: number;
  readonly counts: readonly number[];
  readonly totals: readonly number[];
  /** 0 to 100. */
  readonly chrf: number;
  readonly chrfSignature: string;
  readonly chrfPlusPlus: number;
  readonly chrfPlusPlusSignature: string;
  /** 0 to 1. */
  readonly exactMatch: number;
}

export interface SummaryScores {
  /** 0 to 1. */
  readonly rougeL: number;
  readonly exactMatch: number;
}

export interface TextScoreOptions {
  /** BLEU and chrF of the texts in small letters. ROUGE-L is always of those. */
  lowercase?: boolean | undefined;
}

/**
 * @param references one list for each set of references, as long as the hypotheses
 * @throws InputError as referencesOf
 */
export function translationScores(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  options: TextScoreOptions = {},
): TranslationScores {
  const { score: bleu, signature: bleuSignature, ...parts } = corpusBleu(hypotheses, references, options);
  const [plain, words] = chrfOfOrders(hypotheses, references, [0, 2], options.lowercase) as [Chrf, Chrf];
  return {
    bleu,
    bleuSignature,
    ...parts,
    chrf: plain.score,
    chrfSignature: plain.signature,
    chrfPlusPlus: words.score,
    chrfPlusPlusSignature: words.signature,
    exactMatch: exactMatch(hypotheses, references),
  };
}

/** @throws InputError as referencesOf */
export function summaryScores(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): SummaryScores {
  return { rougeL: rougeL(hypotheses, references), exactMatch: exactMatch(hypotheses, references) };
}

/** Lines as sacreBLEU prints them. */
export function translationLines(scores: TranslationScores): string[] {
  const { bleu, precisions, brevityPenalty, hypLength, refLength } = scores;
  const ratio = refLength > 0 ? hypLength / refLength : 0;
  const shares = precisions.map((each) => each.toFixed(1)).join('/');
  return [
    `BLEU|${scores.bleuSignature} = ${bleu.toFixed(2)} ${shares} (BP = ${brevityPenalty.toFixed(3)} ratio = ${ratio.toFixed(3)} hyp_len = ${hypLength} ref_len = ${refLength})`,
    `chrF2|${scores.chrfSignature} = ${scores.chrf.toFixed(2)}`,
    `chrF2++|${scores.chrfPlusPlusSignature} = ${scores.chrfPlusPlus.toFixed(2)}`,
  ];
}
