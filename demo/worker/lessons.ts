// Chapters that teach a model which is there: what the page asks of them, done in its turn. None of it is part of a first visit.
import { grouped } from '../../src/data/counted.ts';
import { InputError, NotFiniteError, RunError, StoppedError } from '../../src/index.ts';
import type { Lesson } from '../protocol/lessons.ts';
import type { Command, News, Offer } from '../protocol.ts';
import { type AnyRun, orRelease } from './any_run.ts';
import { BaseCellar } from './base_cellar.ts';
import type { BaseModel } from './base_model.ts';
import { misfitText } from './fit.ts';
import { secondsOf } from './forecast.ts';
import { limitsOfPage } from './home.ts';
import { exportLesson } from './lesson_export.ts';
import { fromBeside } from './lesson_files.ts';
import { preparedOf } from './lesson_prepared.ts';
import { lessonReady } from './lesson_ready.ts';
import { LessonRun } from './lesson_run.ts';
import { type LessonData, lessonData, openSpec } from './lesson_spec.ts';
import { resume } from './next_run.ts';
import { wayOut } from './offers.ts';
import { type Found, savedKernels } from './saves.ts';
import { ShelfWriter } from './shelf_writer.ts';
import type { Stage } from './stage.ts';

type Of<T extends Command['type']> = Extract<Command, { type: T }>;
type Way = Omit<Extract<News, { type: 'error' }>, 'type'>;

/** The run stands still while as much is read: that is told. Characters. */
const LONG_DATA = 1e6;

/** How a lesson that is the present run is begun again, and what is said where it failed. */
export interface LessonAct {
  /** The same run once more on another device. It holds. */
  remake(saved: Found | null): Promise<AnyRun>;
  /** From its first step; where it waits, it was thrown away, and the run before it is there instead. */
  anew(waits: string | null): Promise<void>;
  wayOut(error: unknown, savedStep: number): Way;
}

export class Lessons {
  readonly #stage: Stage;
  readonly #bases: BaseCellar;
  /** Who writes of the models of the shelf. */
  readonly shelf: ShelfWriter;
  /** The data of the last lesson that was looked at: read once. */
  #data: { of: string; data: LessonData } | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#bases = new BaseCellar(stage);
    this.shelf = new ShelfWriter(this.#bases);
  }

  handle(command: Of<'load' | 'prepare' | 'teach' | 'back'>): Promise<void> {
    switch (command.type) {
      case 'load':
        return this.#bases.load(command.name, command.files);
      case 'prepare':
        return this.#prepare(command);
      case 'teach':
        return this.#teach(command.lesson);
      case 'back':
        return this.#back(null);
    }
  }

  /** Goes on with a lesson that was saved. @throws InputError for one that cannot */
  async resume(found: Found, notes: string[], waits: string | null): Promise<void> {
    const stage = this.#stage;
    stage.phase('reading the lesson');
    const { asked, base, data } = await fromBeside(await stage.saves!.beside(found.id!));
    await stage.openHome(savedKernels(found));
    stage.send(stage.homes.news());
    const run = await this.#made(asked, base, data ?? (await this.#dataOf(asked)), found);
    await stage.end();
    await this.#bases.found();
    await this.#enter(run, found, notes, waits, async () => run.restore(found.files, found.state, false));
  }

  async export(what: NonNullable<Of<'export'>['what']>): Promise<void> {
    const stage = this.#stage;
    const driver = stage.present('export');
    const { run } = driver;
    const saved = await this.#bases.present();
    stage.send({ type: 'exported', ...(await exportLesson(run, saved.files, saved.state.step, what)) });
  }

  async #prepare({ id, lesson }: Of<'prepare'>): Promise<void> {
    const stage = this.#stage;
    try {
      if (stage.homes.broken)
        throw new InputError('lesson: the GPU is lost at the moment. Try again when the run goes on.');
      if (!stage.driver) await stage.openHome(null);
      const base = await this.#bases.get(lesson.base);
      const run = await this.#made(lesson, base, await this.#dataOf(lesson), null);
      const prepared = preparedOf(run);
      run.close();
      stage.send({ type: 'prepared', id, prepared, error: null });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      stage.send({ type: 'prepared', id, prepared: null, error: error.message });
    }
  }

  async #teach(lesson: Lesson): Promise<void> {
    const stage = this.#stage;
    if (!stage.driver || stage.homes.broken) await stage.openHome(null);
    const { driver } = stage;
    const going = driver?.control.going ?? false;
    // What it has learned until now is saved by that.
    await driver?.hold();
    let run: LessonRun;
    try {
      const base = await this.#bases.get(lesson.base);
      run = await this.#made(lesson, base, await this.#dataOf(lesson), null);
      await this.#bases.keepRun();
    } catch (error) {
      if (going) driver?.go();
      throw error;
    }
    // What a saved run recorded are the forms of its own kernels: a lesson has those that every other one has.
    if (stage.homes.differs(null)) {
      const { asked, base, data } = run.spec;
      run.close();
      await stage.openHome(null);
      run = await this.#made(asked, base, data, null);
    }
    await stage.end();
    await this.#enter(run, null, [], null, () => run.begin());
  }

  /** @param waits why the run waits; null where it goes on */
  async #back(waits: string | null): Promise<void> {
    const stage = this.#stage;
    if (!stage.lesson) throw new InputError('back: this run is no lesson.');
    await stage.driver?.hold();
    const found = await this.#bases.home();
    if (!found) throw new InputError('back: the run of the first chapter was not saved. Begin a new one.');
    // One that was thrown away is not there to go on with.
    if (waits === null) await this.#bases.keepLesson();
    await stage.end();
    await resume(stage, found, [], waits);
  }

  /** The run, of which nothing is allocated yet. @throws InputError for one that cannot be, or does not fit this machine */
  async #made(asked: Lesson, base: BaseModel, data: LessonData, found: Found | null): Promise<LessonRun> {
    const { homes, send } = this.#stage;
    const phase = (text: string, done: number, total: number) => send({ type: 'phase', text, done, total });
    if (data.text.length >= LONG_DATA) this.#stage.phase(`reading ${grouped(data.text.length)} characters of data`);
    const spec = await openSpec({
      ...{ asked, base, data, phase, stop: () => false },
      ...(found && {
        saved: { settings: Object.fromEntries(found.state.settings), seed: Number(found.state.random.get('seed')) },
      }),
    });
    const run = new LessonRun(homes.home, spec);
    const reason = run.plans && misfitText(run.plans.memory, limitsOfPage(homes.home));
    if (reason === null) return run;
    run.close();
    throw new InputError(`${reason} Make the batch or the context smaller, or train an adapter.`);
  }

  /** Puts its weights there, tells of it, and lets it go. Where that fails the run before it is there again. */
  async #enter(
    run: LessonRun,
    found: Found | null,
    notes: string[],
    waits: string | null,
    load: () => Promise<void>,
  ): Promise<void> {
    const stage = this.#stage;
    stage.rebuild.forget();
    stage.phase('loading the model');
    try {
      await orRelease(run, load);
    } catch (error) {
      return this.#afterFailure(error, found);
    }
    const seconds = secondsOf(run, stage.homes.gflops);
    const told: News[] = [lessonReady(run, stage, { seconds, notes })];
    if (found) told.push({ type: 'history', events: run.events });
    const driver = await stage.teach(run, this.#act(run), found, told);
    this.#bases.teaches(run);
    if (waits === null) driver.control.go();
    else stage.become('waiting', waits);
  }

  async #afterFailure(error: unknown, found: Found | null): Promise<void> {
    const before = found ? null : await this.#bases.home();
    if (before && (error instanceof InputError || error instanceof RunError || error instanceof StoppedError))
      await resume(this.#stage, before, [], 'The lesson could not begin.');
    throw error;
  }

  #act(run: LessonRun): LessonAct {
    const { asked, base, data } = run.spec;
    return {
      remake: async (saved) => {
        const again = await this.#made(asked, base, data, saved);
        await orRelease(again, () => (saved ? again.restore(saved.files, saved.state, false) : again.begin()));
        return again;
      },
      anew: async (waits) => {
        if (waits === null) return this.#teach(asked);
        this.#stage.shelf.remove('taught');
        return this.#back(waits);
      },
      wayOut: (error, savedStep) => wayOutOf(error, savedStep, run),
    };
  }

  /** @throws InputError as lessonData */
  async #dataOf(lesson: Lesson): Promise<LessonData> {
    const of = 'own' in lesson.data ? `own ${lesson.data.own.name} ${lesson.data.own.text}` : lesson.chapter;
    if (this.#data?.of !== of) this.#data = { of, data: await lessonData(lesson) };
    return this.#data.data;
  }
}

function wayOutOf(error: unknown, savedStep: number, { spec }: LessonRun): Way {
  const { sentence } = wayOut(error, null);
  const safe =
    savedStep > 0 ? `The lesson is saved at step ${savedStep}.` : 'Nothing of this lesson had been saved yet.';
  const { asked, engine } = spec;
  const learningRate = Number((engine.settings.learningRate / 10).toPrecision(3));
  const lower: Offer = {
    label: `Teach it again with learning rate ${learningRate}`,
    command: { type: 'teach', lesson: { ...asked, settings: { ...asked.settings, learningRate } } },
  };
  const on: Offer = { label: savedStep > 0 ? `Go on from step ${savedStep}` : 'Try again', command: { type: 'go' } };
  const back: Offer = { label: 'Go back to the first chapter', command: { type: 'back' } };
  return { sentence: `${sentence} ${safe}`, offers: [error instanceof NotFiniteError ? lower : on, back] };
}
