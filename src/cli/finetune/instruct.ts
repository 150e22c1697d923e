// finetune --task instruct: questions and answers, of which the answers are learned.

import type { ExampleEncoder } from '../../data/instruct/encode.ts';
import { type EncodedRows, encodeRows, rowNotes } from '../../data/instruct/encoded_rows.ts';
import { type Example, readExamples } from '../../data/instruct/examples.ts';
import { repeated, splitInOrder } from '../../data/instruct/split.ts';
import { jsonRows } from '../../data/json_rows.ts';
import type { Tokenizer } from '../../data/tokenizer.ts';
import { InputError } from '../../errors.ts';
import { ends } from '../../generate/generate.ts';
import type { ModelConfig } from '../../nn/families.ts';
import { instructRows } from '../../tasks/instruct.ts';
import { languageTask } from '../../tasks/language.ts';
import { SAMPLE_TOKENS } from '../../train/run_plans.ts';
import { grouped } from '../format.ts';
import { writeAnswers } from '../instruct_answers.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { dataFile, hashOfFile, runName } from './data_file.ts';
import type { LanguageParts, LanguageRequest, LanguageRun } from './language_run.ts';
import { runPrompting } from './prompting.ts';
import { partBatches, rowData, rowShapes } from './row_data.ts';
import type { FinetuneTask } from './task.ts';
import { overLanguage } from './trained_model.ts';

/** Tokens of an answer to a test row. */
const ANSWER_TOKENS = 256;
const ANSWERS = 'answers.json';

export const instruct: FinetuneTask<ModelConfig> = {
  name: 'instruct',
  takes: 'language',
  about: 'to answer instructions',
  flags: ['test-part', 'packing', 'loss-on', 'turns', 'prompt-format'],
  defaults: {
    ...{ testPart: 0.1, validationPart: 0.05 },
    ...{ batch: 8, learningRate: 5e-5, minLearningRate: 5e-6 },
  },
  epochs: 2,
  open: async (request) => overLanguage(request, await openInstruct(request)),
};

async function openInstruct(request: LanguageRequest): Promise<LanguageParts> {
  const { context, settings, tokenizer, seed } = request;
  const { out, signal } = context;
  const file = dataFile(request);
  const { examples, form, notes } = readExamples(jsonRows(file), file);
  for (const line of notes) out.note(printable(line, true));
  const {
    validationPart,
    testPart = 0,
    context: blockSize,
    lossOn = 'answer',
    packing = false,
    turns = 'all',
  } = settings;
  if (validationPart + testPart >= 1)
    throw new InputError(
      `--test-part: found ${testPart} beside a validation part of ${validationPart}, expected parts that leave rows to train on. Make one of them smaller.`,
    );
  const parts = splitInOrder(examples, { validationPart, testPart }, file);
  const {
    encoder,
    words,
    prompt: promptForm,
    remembered,
    files,
    ask,
  } = await runPrompting(request, examples[0]!, turns);
  const encoded = (part: readonly Example[]) => encodeRows(part, encoder, file, { blockSize, lossOn });
  const [train, validation] = [encoded(parts.train), encoded(parts.validation)];
  // What is held on to while the run lasts: of a large file the rows to train on are many.
  const testExamples = parts.test;
  const test = testExamples.length > 0 ? encoded(testExamples) : null;
  tellRows(out, file, train, blockSize, tokenizer);
  const seen = repeated([...parts.validation, ...parts.test], parts.train);
  if (seen > 0)
    out.warn(`${file}: ${seen} of the validation and test rows stand among those to train on, word for word.`);
  const padded = { blockSize, padId: tokenizer.eosId ?? 0 };
  const rows = {
    train: instructRows(train.rows, { ...padded, packing }),
    validation: instructRows(validation.rows, padded),
  };
  out.note(
    `rows: ${grouped(train.rows.length)} to train on${packing ? `, packed into ${grouped(rows.train.length)}` : ''}, ${grouped(validation.rows.length)} to validate, ${grouped(parts.test.length)} to test; ${form} ${words}`,
  );
  const prompt = firstPrompt(parts.validation, encoder, blockSize);
  const { vocabSize } = tokenizer;
  const dataset = {
    name: runName(file),
    ...{ trainRows: train.rows.length, validationRows: validation.rows.length, testRows: parts.test.length, form },
    ...{
      prompt: promptForm,
      tokens: train.counts.tokens,
      trainedTokens: train.counts.trained,
    },
    ...{ tokenizer: tokenizer.kind, vocabSize },
  };
  const references = [{ label: `guessing among ${vocabSize}`, value: Math.log(vocabSize) }];
  const hash = hashOfFile(file);
  return {
    name: runName(file),
    epochRows: rows.train.length,
    remembered: { data: file, ...remembered },
    shown: rows.train,
    usuallyShown: true,
    model: (model, { labelSmoothing, recompute, dtype, dropout }) => ({
      model,
      task: languageTask({ labelSmoothing, recompute, dtype, dropout }) as never,
      evaluation: languageTask({ dtype }) as never,
      score: [],
      classifier: null,
    }),
    shapes: ({ batch, sampleEvery }, { generator }) => ({
      ...rowShapes(rows, batch),
      sampling: sampleEvery > 0 && prompt ? generator.planned(prompt.length, SAMPLE_TOKENS) : [],
    }),
    data: (asked, own) => rowData({ ...rows, tokenizer, hash, dataset, references }, asked, own),
    sample: (made, stop) => (prompt ? answerText(made, encoder, prompt, seed, stop) : Promise.resolve('')),
    firstLoss: () => null,
    files: () => files,
    ...(test && {
      async finish({ device, language, trainer, settings: { batch, dtype } }, folder) {
        const tests = instructRows(test.rows, padded);
        const { loss } = await trainer.evaluate(partBatches(tests, batch, 0), () => signal.requested);
        const place = { folder, name: ANSWERS };
        const onAnswer = (done: number, of: number) => {
          if (out.redraws) out.status(`answering ${done} of ${of}`);
        };
        const stop = () => signal.requested;
        const options = { maxNewTokens: ANSWER_TOKENS, dtype, onAnswer, stop };
        const skipped = await writeAnswers(device, language, encoder, testExamples, place, options);
        out.status('');
        if (skipped !== null) out.log(`answers: ${folder}/${ANSWERS}, to ${grouped(testExamples.length)} test rows`);
        if (skipped) out.note(`${skipped} of them have no room for an answer in the context.`);
        return {
          test: { loss, rows: testExamples.length, ...(skipped !== null && { answers: `${folder}/${ANSWERS}` }) },
        };
      },
    }),
    next: (folder) => `ask it: npm run generate -- --model ${folder} ${ask}`,
  };
}

function tellRows(out: Output, file: string, { counts }: EncodedRows, blockSize: number, tokenizer: Tokenizer): void {
  for (const { sentence, warn } of rowNotes(counts, blockSize, tokenizer)) {
    const line = printable(sentence.startsWith(file) ? sentence : `${file}: ${sentence}`, true);
    if (warn) out.warn(line);
    else out.note(line);
  }
}

/** The first question that leaves room for an answer; null where none does. */
function firstPrompt(examples: readonly Example[], encoder: ExampleEncoder, blockSize: number): number[] | null {
  for (const example of examples) {
    const prompt = encoder.prompt(example);
    if (prompt.length < blockSize) return prompt;
  }
  return null;
}

/** The question of a validation row, and what the model answers. */
async function answerText(
  { generator }: LanguageRun,
  { tokenizer, endIds: eosId }: ExampleEncoder,
  prompt: readonly number[],
  seed: number,
  stop: () => boolean,
): Promise<string> {
  const decoder = tokenizer.decoder(prompt);
  // What begins every text is no part of it.
  let text = tokenizer.decode(prompt.slice(tokenizer.startIds?.length ?? 0));
  const options = { maxNewTokens: SAMPLE_TOKENS, temperature: 0, seed, eosId };
  for await (const { id } of generator.generate(prompt, options)) {
    if (ends(id, eosId)) break;
    text += decoder.push(id);
    if (stop()) break;
  }
  return text + decoder.end();
}
