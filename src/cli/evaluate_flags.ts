// The flags of evaluate.
import { adapterFlags } from './adapter.ts';
import type { GlobalValues } from './command.ts';
import { DTYPE_FLAG } from './dtype.ts';
import { defineFlags, type FlagValues } from './flags.ts';
import { modelFlags } from './folders.ts';

const NAMED = 'translate, summarize: ';

export const evaluateFlags = defineFlags([
  ...modelFlags,
  ...adapterFlags,
  {
    name: 'task',
    type: 'choice',
    choices: ['language', 'classify', 'hellaswag', 'translate', 'summarize'],
    default: 'language',
    help: 'language: loss, perplexity and bits a byte of a text; classify: accuracy, confusions and baselines of a classifier; hellaswag: which of several endings is the likeliest; translate: loss, BLEU and chrF of an encoder-decoder; summarize: loss and ROUGE-L',
  },
  {
    name: 'data',
    type: 'text',
    placeholder: 'FILE|DIR',
    help: 'text to predict, behind the ids that its tokenizer puts before every text (Llama: <s>): plain, .jsonl or .parquet; classify: TSV, CSV or JSONL with a text and its class in each row; hellaswag: an object a line with ctx, endings and label; translate and summarize: TSV, CSV or JSONL with a source and its target in each row',
  },
  {
    name: 'text-field',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'field of .jsonl rows or column of .parquet tables that holds the text; default: text',
  },
  { ...DTYPE_FLAG, default: 'f32' },
  { name: 'ids', type: 'text', placeholder: 'FILE', help: 'a JSON list of token ids to predict, instead of a text' },
  {
    name: 'context',
    type: 'integer',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    example: '1024',
    help: "that the model sees at most; default: the model's",
  },
  {
    name: 'stride',
    type: 'integer',
    min: 1,
    max: 1048576,
    unit: 'tokens',
    example: '512',
    help: 'between the starts of windows: below the context they overlap, and each token is predicted from more before it; default: one context',
  },
  {
    name: 'limit',
    type: 'integer',
    min: 1,
    max: 1e9,
    unit: 'items',
    example: '50',
    help: 'hellaswag: of the file, from its beginning; default: all',
  },
  {
    name: 'text-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'classify: column or field of the texts; default: text',
  },
  {
    name: 'label-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'label',
    help: 'classify: column or field of the classes; default: label',
  },
  {
    name: 'train-data',
    type: 'text',
    placeholder: 'FILE',
    example: 'train.tsv',
    help: 'rows that were trained on, which baselines learn from: classify: the most frequent class, and naive Bayes over words; translate: a dictionary, word by word',
  },
  {
    name: 'source',
    type: 'text',
    placeholder: 'FILE',
    example: 'test.en',
    help: `${NAMED}sources, a line each, instead of --data; goes with --target`,
  },
  {
    name: 'target',
    type: 'text',
    placeholder: 'FILE',
    example: 'test.de',
    help: `${NAMED}what is to be written from each, a line each`,
  },
  {
    name: 'source-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'en',
    help: `${NAMED}column or field of the sources; default: source`,
  },
  {
    name: 'target-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'de',
    help: `${NAMED}column or field of the targets; default: target`,
  },
  {
    name: 'train-source',
    type: 'text',
    placeholder: 'FILE',
    example: 'train.en',
    help: 'translate: with --train-target, two files instead of --train-data',
  },
  {
    name: 'train-target',
    type: 'text',
    placeholder: 'FILE',
    example: 'train.de',
    help: 'translate: the other one',
  },
  {
    name: 'beams',
    type: 'integer',
    min: 1,
    max: 256,
    default: 4,
    help: `${NAMED}texts that are followed at once for each source; 1 is greedy`,
  },
  {
    name: 'length-penalty',
    type: 'number',
    min: -100,
    max: 100,
    default: 1,
    help: `${NAMED}a score is divided by the length to this power; larger favours long texts`,
  },
  {
    name: 'show',
    type: 'integer',
    min: 0,
    max: 1e6,
    unit: 'texts',
    default: 10,
    help: `${NAMED}written ones that are shown beside their sources and references`,
  },
  {
    name: 'hypotheses',
    type: 'text',
    placeholder: 'FILE',
    example: 'said.txt',
    help: `${NAMED}texts to score, a line each, whoever wrote them; needs no model`,
  },
  {
    name: 'references',
    type: 'text',
    multiple: true,
    placeholder: 'FILE',
    example: 'test.de',
    help: 'with --hypotheses: what people wrote, a line each; several files are several references of each text',
  },
  {
    name: 'lowercase',
    type: 'boolean',
    help: 'translate: BLEU and chrF of the texts in small letters',
  },
]);

/** What was typed. */
export type EvaluateFlags = FlagValues<typeof evaluateFlags> & GlobalValues;
