// What the chapters are called.
import type { Chapter } from '../view.ts';

export const TITLES: Readonly<Record<Chapter, string>> = {
  pretrain: 'Pretrain',
  load: 'Load',
  classify: 'Classify',
  instruct: 'Instruct',
  lora: 'LoRA',
  dpo: 'DPO',
  chat: 'Chat',
  translate: 'Translate',
};
