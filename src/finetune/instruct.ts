// To answer instructions: questions and answers, of which the answers are learned. From rows to all that their run needs.
import { grouped } from '../data/counted.ts';
import type { ExampleEncoder } from '../data/instruct/encode.ts';
import { type EncodedRows, encodeRows, rowNotes } from '../data/instruct/encoded_rows.ts';
import { type Example, readExamples } from '../data/instruct/examples.ts';
import { repeated, splitInOrder } from '../data/instruct/split.ts';
import type { JsonRow } from '../data/json_rows.ts';
import { ends } from '../generate/generate.ts';
import { instructRows } from '../tasks/instruct.ts';
import { languageTask } from '../tasks/language.ts';
import { runName } from '../train/run_name.ts';
import { SAMPLE_TOKENS } from '../train/run_plans.ts';
import { refuseParts } from './labelled_parts.ts';
import type { LanguageRun, OpenedRows, RowsRequest, TaskFacts } from './opened.ts';
import { runPrompting } from './prompting.ts';
import { partBatches, rowData, rowShapes } from './row_data.ts';
import type { TaskSettings } from './settings.ts';
import { overLanguage } from './trained_model.ts';

export const INSTRUCT = {
  name: 'instruct',
  own: ['testPart', 'packing', 'lossOn', 'turns', 'promptFormat'],
  defaults: {
    ...{ testPart: 0.1, validationPart: 0.05 },
    ...{ batch: 8, learningRate: 5e-5, minLearningRate: 5e-6 },
  },
  epochs: 2,
} as const satisfies TaskSettings;

export interface OpenedInstruct extends OpenedRows {
  /** The test part, to be answered at the end. */
  readonly examples: readonly Example[];
  readonly encoder: ExampleEncoder;
  /** Flags with which generate asks in the same way. */
  readonly ask: string;
}

/** @throws InputError for rows that cannot be learned from */
export async function openInstruct(request: RowsRequest, found: Iterable<JsonRow>): Promise<OpenedInstruct> {
  const { settings, tokenizer, seed, tell, data } = request;
  const { name: file, hash } = data;
  const { examples, form, notes } = readExamples(found, file);
  for (const line of notes) tell.note(line);
  const { validationPart, testPart = 0, context: blockSize, lossOn = 'answer', packing = false } = settings;
  const { turns = 'all' } = settings;
  refuseParts(validationPart, testPart);
  const parts = splitInOrder(examples, { validationPart, testPart }, file);
  const { encoder, words, prompt: promptForm, ...prompting } = await runPrompting(request, examples[0]!, turns);
  const encoded = (part: readonly Example[]) => encodeRows(part, encoder, file, { blockSize, lossOn });
  const [train, validation] = [encoded(parts.train), encoded(parts.validation)];
  // What is held on to while the run lasts: of a large file the rows to train on are many.
  const testExamples = parts.test;
  const test = testExamples.length > 0 ? encoded(testExamples) : null;
  tellRows(request, train);
  const seen = repeated([...parts.validation, ...parts.test], parts.train);
  if (seen > 0)
    tell.warn(`${file}: ${seen} of the validation and test rows stand among those to train on, word for word.`);
  const padded = { blockSize, padId: tokenizer.eosId ?? 0 };
  const rows = {
    train: instructRows(train.rows, { ...padded, packing }),
    validation: instructRows(validation.rows, padded),
  };
  tell.figures(
    `rows: ${grouped(train.rows.length)} to train on${packing ? `, packed into ${grouped(rows.train.length)}` : ''}, ${grouped(validation.rows.length)} to validate, ${grouped(parts.test.length)} to test; ${form} ${words}`,
  );
  const prompt = firstPrompt(parts.validation, encoder, blockSize);
  const { vocabSize } = tokenizer;
  const counts = { train: train.rows.length, validation: validation.rows.length, test: parts.test.length };
  const { tokens, trained } = train.counts;
  const dataset = {
    name: runName(file),
    ...{ trainRows: counts.train, validationRows: counts.validation, testRows: counts.test, form },
    ...{ prompt: promptForm, tokens, trainedTokens: trained, tokenizer: tokenizer.kind, vocabSize },
  };
  const guessing = Math.log(vocabSize);
  const references = [{ label: `guessing among ${vocabSize}`, value: guessing }];
  const facts: TaskFacts = {
    ...{ rows: counts, counts: { tokens, trained }, classes: [] },
    baselines: [{ name: `guessing among ${vocabSize}`, value: guessing, unit: 'nats' }],
  };
  return overLanguage(request, {
    name: runName(file),
    facts,
    ...{ examples: testExamples, encoder, ask: prompting.ask },
    epochRows: rows.train.length,
    remembered: { data: file, ...prompting.remembered },
    shown: rows.train,
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
    files: () => prompting.files,
    ...(test && {
      async finish({ trainer, settings: { batch } }: LanguageRun) {
        const tests = instructRows(test.rows, padded);
        const { loss } = await trainer.evaluate(partBatches(tests, batch, 0), () => request.stop());
        return { test: { loss, rows: testExamples.length } };
      },
    }),
  });
}

function tellRows({ data, settings, tokenizer, tell }: RowsRequest, { counts }: EncodedRows): void {
  for (const { sentence, warn } of rowNotes(counts, settings.context, tokenizer)) {
    const line = sentence.startsWith(data.name) ? sentence : `${data.name}: ${sentence}`;
    if (warn) tell.warn(line);
    else tell.note(line);
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
