// Who is asked beside the run, whichever run there is: for texts, for translations, and about the run itself.
import type { Command, News } from '../protocol.ts';
import type { AnyRun, ShelfWriters } from './any_run.ts';
import { PromptSides } from './prompt_sides.ts';
import { type History, Questions } from './questions.ts';
import { Translations } from './translations.ts';
import { Turns } from './turns.ts';

type Asking = Extract<Command, { type: 'generate' | 'translate' | 'ask' }>;

const FAILED = 'The run has failed, and its weights are gone. Go back to a save, or begin again.';

export class Served {
  readonly questions: Questions;
  /** Between whose steps they answer. */
  readonly turns: Turns;
  readonly #prompts: PromptSides;
  readonly #translations: Translations;

  constructor(send: (news: News) => void) {
    this.#prompts = new PromptSides(send);
    this.#translations = new Translations(send);
    this.questions = new Questions(send);
    this.turns = new Turns(...this.#all);
  }

  get #all() {
    return [this.#prompts, this.#translations, this.questions] as const;
  }

  add(command: Asking): void {
    if (command.type === 'generate') this.#prompts.add(command);
    else if (command.type === 'translate') this.#translations.add(command);
    else this.questions.add(command);
  }

  cancel(id: number): void {
    for (const each of this.#all) each.cancel(id);
  }

  /** The run that is asked from now on. */
  use(run: AnyRun, shelf: ShelfWriters, past: History | null): void {
    this.#prompts.use({ ...run.writers, shelf });
    void this.#translations.use(run.home.machine);
    this.questions.use(run.looked, past ?? undefined);
  }

  /** The run ends. What comes now waits for the next one. */
  async leave(): Promise<void> {
    this.#prompts.use(null);
    await this.#translations.use(null);
    this.questions.use(null);
  }

  /** Its device is gone, and is opened anew. @param why what is told of what had begun to be answered */
  interrupt(why: string): void {
    this.#prompts.use(null, why);
    void this.#translations.use(null, why);
  }

  /** Until there is another run all is answered so. @param reason a sentence */
  close(reason: string): void {
    for (const each of this.#all) each.close(reason);
  }

  /** @param look its weights are as they were before the step that failed, and may be looked at */
  fail(look: boolean): void {
    this.#prompts.close(FAILED);
    this.#translations.close('The run has failed, and with it where it computed. Go back to a save, or begin again.');
    if (!look) this.questions.close(FAILED);
  }
}
