// translate: texts written from others by an encoder-decoder, a line for each line; at a terminal a line at a time, as it comes.

import { counted, grouped } from '../data/counted.ts';
import { InputError, StoppedError } from '../errors.ts';
import { type TranslateOptions, Translator } from '../generate/translator.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { dtypeOn } from './dtype.ts';
import { modelFolder } from './model_place.ts';
import { deviceFor } from './open_device.ts';
import { type AskedText, fileTexts, streamTexts } from './predict_texts.ts';
import { Answers } from './translate_answer.ts';
import { headChoice, type TranslateFlags, translateFlags } from './translate_flags.ts';
import { typedTexts } from './translate_typed.ts';
import { type LoadedTranslator, openTranslator, sourceIds } from './translator_folder.ts';

/** Translations followed at once, where nobody waits for each token. */
const BEAMS = 4;

/** What translating works with. */
export interface Translating {
  loaded: LoadedTranslator;
  translator: Translator;
  answers: Answers;
  options: TranslateOptions;
}

export const translate = defineCommand({
  name: 'translate',
  summary: 'writes texts from others, with an encoder-decoder that finetune has trained',
  flags: translateFlags,
  examples: [
    'translate --model runs/tatoeba-1 < lines.txt',
    'translate --model runs/tatoeba-1 --beams 1 --alignment',
    'translate --model runs/tatoeba-1 --data texts.tsv --text-column source --json',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, given) {
    if (given.textColumn !== undefined && given.data === undefined)
      throw new InputError('--text-column: found without --data, expected them together.');
    const place = await modelFolder(given.model, context);
    const device = await deviceFor(context, given);
    try {
      const dtype = dtypeOn(device, given.dtype, context.out);
      const loaded = await openTranslator(device, place, { ...given, dtype }, context);
      const head = headChoice(given.alignmentHead, loaded.model.config);
      const translator = new Translator(device, loaded.model, { dtype });
      const asked = given.alignment || head !== null;
      const answers = new Answers(context.out, loaded, translator, asked ? { head } : null);
      const typed = given.data === undefined && process.stdin.isTTY;
      const options = optionsOf(given, typed ? 1 : BEAMS, context);
      const parts: Translating = { loaded, translator, answers, options };
      if (typed) return await typedTexts(context, parts);
      return await allTexts(context, given, parts);
    } finally {
      device.close();
    }
  },
});

function optionsOf(
  { beams, lengthPenalty, maxNewTokens }: TranslateFlags,
  usual: number,
  { out, signal }: CommandContext,
): TranslateOptions {
  return {
    beams: beams ?? usual,
    lengthPenalty,
    maxNewTokens: maxNewTokens === undefined ? undefined : () => maxNewTokens,
    stopped: () => signal.requested || out.stdoutClosed,
  };
}

/** Translations in the order of the texts. @throws StoppedError where a signal asked to stop */
async function allTexts(
  context: CommandContext,
  { data, textColumn }: TranslateFlags,
  { loaded, translator, answers, options }: Translating,
): Promise<number> {
  const { out, signal } = context;
  const where = data ?? 'standard input';
  const texts = data === undefined ? streamTexts(process.stdin, signal) : fileTexts(data, textColumn);
  const tally = { texts: 0, cut: 0, unended: 0 };
  try {
    for await (const some of texts) {
      const read = some.map((asked) => encoded(asked, loaded, where));
      const full = read.filter(({ ids }) => ids.length > 0);
      const found = await translator.translate(
        full.map(({ ids }) => ids),
        options,
      );
      if (signal.requested) throw new StoppedError();
      let next = 0;
      for (const { ids, cut } of read) {
        if (out.stdoutClosed) break;
        tally.texts++;
        if (cut) tally.cut++;
        if (ids.length === 0) {
          answers.blank();
          continue;
        }
        const translation = found[next++]!;
        if (!translation.ended) tally.unended++;
        await answers.tell(ids, translation);
        if (signal.requested) throw new StoppedError();
      }
      if (out.stdoutClosed) break;
    }
  } finally {
    translator.release();
    if (data === undefined) process.stdin.destroy();
  }
  if (signal.requested) throw new StoppedError();
  if (tally.cut > 0)
    out.note(
      `${grouped(tally.cut)} of ${counted(tally.texts, 'text')} ${tally.cut === 1 ? 'is' : 'are'} longer than the ${loaded.model.blockSize - 1} tokens that the model reads: ${tally.cut === 1 ? 'its beginning is' : 'their beginnings are'} translated`,
    );
  if (tally.unended > 0)
    out.note(
      `${grouped(tally.unended)} of ${counted(tally.texts, 'text')} had not ended after as many tokens as were allowed: see --max-new-tokens`,
    );
  return 0;
}

/** @throws InputError for what the tokenizer cannot encode, naming the line */
function encoded({ text, line }: AskedText, loaded: LoadedTranslator, where: string): { ids: number[]; cut: boolean } {
  try {
    return sourceIds(loaded, text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${where}: line ${line}: ${error.message.replace(/^text: /, '')}`, { cause: error });
  }
}
