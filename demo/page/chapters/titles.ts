// What the chapters are called, and what a lesson's data has to look like.
import type { Teaching } from '../../protocol/lessons.ts';

interface DataForm {
  /** What the page brings. */
  builtin: string;
  /** The same in a sentence. */
  about: string;
  /** What a visitor's own has to be. */
  own: string;
  accept: string;
}

const INSTRUCT: DataForm = {
  builtin: 'Words and their meanings',
  about: '\u201cDefine jog\u201d, \u201cSynonym of car\u201d, each with a short answer.',
  own: 'JSONL or JSON with rows of instruction, input and output; of chat messages; or of prompt and completion.',
  accept: '.jsonl,.json,.ndjson',
};

export const DATA: Readonly<Record<Teaching, DataForm>> = {
  load: {
    builtin: 'Moby-Dick',
    about: 'The book of the first chapter: the model goes on learning from it.',
    own: 'a text, TXT or MD.',
    accept: '.txt,.md,text/*',
  },
  classify: {
    builtin: 'Six kinds of things',
    about: 'Short definitions of animals, artifacts, food, locations, persons and plants.',
    own: 'TSV, CSV or JSONL with a text and its class in each row: columns text and label.',
    accept: '.tsv,.csv,.jsonl,.json,.txt',
  },
  instruct: INSTRUCT,
  lora: {
    ...INSTRUCT,
    own: `${INSTRUCT.own} A text (TXT, MD) is gone on with.`,
    accept: `${INSTRUCT.accept},.txt,.md`,
  },
  dpo: {
    builtin: 'Short answers preferred',
    about: 'Two right answers to \u201cDefine big\u201d: one word, \u201clarge\u201d, is preferred to a definition.',
    own: 'JSONL or JSON with rows of a question and two answers: instruction, chosen, rejected; or chat messages.',
    accept: '.jsonl,.json,.ndjson',
  },
};
