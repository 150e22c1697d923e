// Each chapter in five plain lines: what it does, what it begins from, what is learned, what to look at, and what comes next, in the
// order in which language models are built.
import type { Chapter } from '../view.ts';

export interface ChapterLines {
  /** What it does, what it begins from, what is learned, what to look at. */
  lines: readonly [string, string, string, string];
  /** The last line, in front of the next chapter's name. */
  next: string;
  follows: Chapter;
}

export const LINES: Readonly<Record<Chapter, ChapterLines>> = {
  pretrain: {
    lines: [
      'A model learns to guess how a text goes on.',
      'It begins from random weights, which know nothing.',
      'All weights move a little at each step, against their gradient.',
      'Look at the loss: how surprised it is by what really follows. Then at what it writes.',
    ],
    next: 'Such a base model only goes on with texts. Begin from one that others trained:',
    follows: 'load',
  },
  load: {
    lines: [
      'A model that is there is read from its files and goes on learning from a text.',
      'It begins from trained weights: yours, or a folder from Hugging Face.',
      'All weights move, in smaller steps, so that they forget little.',
      'Look at the first loss: it is far below guessing already.',
    ],
    next: 'What a base model knows can be put to one narrow use:',
    follows: 'classify',
  },
  classify: {
    lines: [
      'A model learns to put a text into one of a few classes.',
      'It begins from a base model, with a new small layer instead of its guess.',
      'The new layer is learned, and the weights below bend a little.',
      'Look at the accuracy beside naive Bayes, which only counts words.',
    ],
    next: 'A class is one word; teach it to answer in its own:',
    follows: 'instruct',
  },
  instruct: {
    lines: [
      'A model learns to answer what it is told, instead of going on with it.',
      'It begins from a base model, and rows of questions with answers.',
      'The loss counts the answers alone: the mask shows which tokens.',
      'Look at the samples, then ask it in the chat, beside what it was.',
    ],
    next: 'The same for a small part of the weights:',
    follows: 'lora',
  },
  lora: {
    lines: [
      'A model is taught without being changed: small matrices are learned beside its own.',
      'It begins from any model; its weights stay frozen.',
      'Of a matrix two thin ones are learned, whose product is added to it.',
      'Look at how few parameters are trained, and how small the adapter is.',
    ],
    next: 'It answers; now say which of two answers you like better:',
    follows: 'dpo',
  },
  dpo: {
    lines: [
      'A model learns to prefer one of two answers to the other.',
      'It begins from a model that answers, a copy of which stays as it is.',
      'The preferred answer becomes likelier than it was for the copy, the other less.',
      'Look at the reward margin, and how often the preferred one is ahead.',
    ],
    next: 'Hear the difference:',
    follows: 'chat',
  },
  chat: {
    lines: [
      'The model before a lesson and after it answer the same words, side by side.',
      'Both begin from what you type, in the form that the lesson taught.',
      'Nothing is learned here: tokens are drawn, one after the other.',
      'Look at what has changed: the form of an answer comes first, its truth much later.',
    ],
    next: 'Another kind of model, of two stacks:',
    follows: 'translate',
  },
  translate: {
    lines: [
      'An encoder reads a text, and a decoder writes another in French.',
      'It begins from a small model that was trained before.',
      'Nothing is learned here; it learned from pairs of sentences.',
      'Look at the table: where each French token looked in the English.',
    ],
    next: 'Begin again with a model of your own:',
    follows: 'pretrain',
  },
};
