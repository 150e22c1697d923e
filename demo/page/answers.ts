// What a visitor has been answered, beside what is told of the run.
import type { AlignmentMaps, Offer } from '../protocol.ts';

/** What the prompt box has been answered. */
export interface Answer {
  id: number;
  prompt: string;
  text: string;
  done: boolean;
  /** Why a prompt could not be used. */
  error: string | null;
}

/** What was translated, as far as it has come; `prompt` is the source. */
export interface Translation extends Answer {
  alignment: AlignmentMaps | null;
}

export interface Trouble {
  sentence: string;
  offers: Offer[];
  /** The worker is gone: nothing but a new page helps. */
  reload?: boolean;
  /** It is over as soon as there is an adapter. */
  until?: 'adapter' | undefined;
  /** The step that ended the run can be looked into. */
  look?: boolean;
}
