// A whole run of the page, recorded by scripts/record-run.ts on a software adapter: what a visitor sees before their own run has begun.
import type { ModelPart, News, PageSettings } from './protocol.ts';
import file from './recorded.json' with { type: 'json' };

type TextNews = Extract<News, { type: 'text' }>;
type ReadyNews = Extract<News, { type: 'ready' }>;

export interface Recorded {
  settings: PageSettings;
  adapter: string;
  parameters: number;
  memory: ReadyNews['memory'];
  parts: ModelPart[];
  /** What its samples begin with. */
  prompt: string;
  text: Pick<TextNews, 'name' | 'characters' | 'tokens' | 'vocabSize' | 'head' | 'references' | 'fits'>;
  /** Step and average of the training loss, nats a token. */
  curve: [step: number, loss: number][];
  /** Step and loss over the whole validation part. */
  validation: [step: number, loss: number][];
  samples: { step: number; text: string }[];
  /** Of the first 20 steps, to the last bit. */
  firstLosses: number[];
  /** Of the trained weights. */
  parameterHash: string;
}

export const recorded = file as unknown as Recorded;
