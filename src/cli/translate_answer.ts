// What translate says of one text: its translation as a line or a JSON object, and perhaps how it looked at the source.

import { printable } from '../data/printable.ts';
import type { Alignment, Translation, Translator } from '../generate/translator.ts';
import { alignmentLines } from './alignment_table.ts';
import type { Output } from './output.ts';
import type { HeadChoice } from './translate_flags.ts';
import { type LoadedTranslator, targetText } from './translator_folder.ts';

/** How alignments are shown. */
export interface AlignmentChoice {
  /** null: the mean over all heads. */
  head: HeadChoice | null;
}

export class Answers {
  #out: Output;
  #loaded: LoadedTranslator;
  #translator: Translator;
  #alignment: AlignmentChoice | null;

  /** @param alignment null: none is asked for */
  constructor(out: Output, loaded: LoadedTranslator, translator: Translator, alignment: AlignmentChoice | null) {
    this.#out = out;
    this.#loaded = loaded;
    this.#translator = translator;
    this.#alignment = alignment;
  }

  /** A text without anything to translate. */
  blank(): void {
    this.#out.emit({ text: '', ids: [], score: null, sourceIds: [] });
    this.#out.print();
  }

  /** @param shown whether the text stands there already, as it came */
  async tell(sourceIds: readonly number[], { ids, score, ended }: Translation, shown = false): Promise<void> {
    const out = this.#out;
    const text = targetText(this.#loaded, ids);
    // A text that fills the context without an end leaves no room for one.
    const read = ids.slice(0, this.#loaded.model.blockSize - 1);
    const found = this.#alignment && (await this.#translator.alignment(sourceIds, read));
    const tokens = found && this.#tokens(sourceIds, read);
    const alignment = found && tokens && { ...tokens, ...matrices(found) };
    out.emit({ text, ids, score, ended, sourceIds, ...(alignment && { alignment }) });
    if (!shown) out.print(printable(text, true));
    else if (!found) out.print();
    if (!found || !tokens || out.json) return;
    const head = this.#alignment!.head;
    const weights = head ? found.weights(head.layer, head.head) : found.mean();
    const ends = { source: [...tokens.source.slice(0, -1), '(end)'], target: [...tokens.target.slice(0, -1), '(end)'] };
    for (const line of alignmentLines({ ...ends, weights }, out)) out.print(line);
    out.print();
  }

  /** Of both sides, as text. */
  #tokens(sourceIds: readonly number[], ids: readonly number[]): { source: string[]; target: string[] } {
    const { source, target, model } = this.#loaded;
    const { eosId } = model.config;
    const texts = (tokenizer: typeof source, own: readonly number[]) =>
      [...own, eosId].map((id) => (id < tokenizer.vocabSize ? tokenizer.decode([id]) : ''));
    return { source: texts(source, sourceIds), target: texts(target, ids) };
  }
}

/** As lists of rows: the mean over all heads, and for each layer those of its heads. */
function matrices(alignment: Alignment): { mean: number[][]; layers: number[][][][] } {
  const { layers, heads, sourceLength: S, targetLength: T } = alignment;
  const rows = (weights: Float32Array) =>
    Array.from({ length: T }, (_, t) => Array.from(weights.subarray(t * S, (t + 1) * S), rounded));
  const all = (count: number) => Array.from({ length: count }, (_, i) => i);
  return {
    mean: rows(alignment.mean()),
    layers: all(layers).map((layer) => all(heads).map((head) => rows(alignment.weights(layer, head)))),
  };
}

/** More digits would be noise. */
const rounded = (weight: number) => Math.round(weight * 1e6) / 1e6;
