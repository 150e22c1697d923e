// What the page knows. News from the worker are taken as they come, and shown when there is time to draw them: components read the
// signals here and are drawn again when one of them changes.
import { computed, type Signal, signal } from '@preact/signals';
import type { ShelfModel } from '../protocol/lessons.ts';
import type { Asked, Kind, Question } from '../protocol/questions.ts';
import type { Command, News, OwnText, PageSettings } from '../protocol.ts';
import { recorded } from '../recorded.ts';
import type { Trouble } from './answers.ts';
import { CheckRecord } from './check_record.ts';
import { giveFile } from './give_file.ts';
import { Lineage } from './lineage.ts';
import { type Pending, PendingQuestions } from './pending.ts';
import { Replies } from './replies.ts';
import { RunRecord } from './run_record.ts';
import { SlowSignals } from './slow_signals.ts';
import { TimeLeft } from './time_left.ts';

type Of<T extends News['type']> = Extract<News, { type: T }>;
/** Commands that leave the run as it is. */
const BESIDE: readonly Command['type'][] = ['generate', 'translate', 'ask', 'rest', 'cancel', 'prepare'];

export class Store {
  readonly phase = signal<Of<'phase'> | null>(null);
  /** The last that was said of compiling: it is over too soon to be seen. */
  readonly compiled = signal<Of<'phase'> | null>(null);
  readonly adapter = signal<Of<'adapter'> | null>(null);
  readonly text = signal<Of<'text'> | null>(null);
  readonly ready = signal<Of<'ready'> | null>(null);
  readonly state = signal<Of<'state'> | null>(null);
  readonly measured = signal<Of<'measured'> | null>(null);
  /** The last device that this run has lost. */
  readonly lost = signal<Of<'lost'> | null>(null);
  readonly receipt = signal<Of<'receipt'> | null>(null);
  readonly replay = signal<Of<'replay'> | null>(null);
  readonly shelf = signal<readonly ShelfModel[]>([]);
  /** What the lesson that is being chosen would be. */
  readonly prepared = signal<Of<'prepared'> | null>(null);
  readonly trouble = signal<Trouble | null>(null);
  /** Counts the changes of the record that were shown. */
  readonly version = signal(0);
  /** Seconds to the end of the run; undefined while nobody can tell. */
  readonly secondsLeft = signal<number | undefined>(undefined);
  /** The step that somebody has chosen to look at; null for the newest. */
  readonly chosen = signal<number | null>(null);
  /** The step below the pointer. */
  readonly hovered = signal<number | null>(null);
  /** The step that one looks at in all charts and samples; null for the newest. */
  readonly cursor = computed(() => this.hovered.value ?? this.chosen.value);
  /** What has been changed in the form since the run began. */
  readonly draft = signal<Partial<PageSettings>>({});

  /** The run as told so far; not a signal: read it after `version`. */
  record = new RunRecord(recorded.settings.steps);
  #time = new TimeLeft();
  #send: (command: Command) => void = () => {};
  readonly #shown = new SlowSignals();
  readonly check = new CheckRecord(this.#shown);
  readonly lineage = new Lineage(this.#shown);
  readonly replies = new Replies({
    send: (command) => this.send(command),
    shown: this.#shown,
    nextId: () => ++this.#lastId,
  });
  #restarted = false;
  #lastId = 0;
  readonly #questions = new PendingQuestions();
  #asked = false;
  readonly #saveFile: (name: string, bytes: Uint8Array<ArrayBuffer>) => void;

  /** @param saveFile gives the visitor a file to keep */
  constructor(saveFile: (name: string, bytes: Uint8Array<ArrayBuffer>) => void = () => {}) {
    this.#saveFile = saveFile;
  }

  /** From now on commands go there. */
  connect(send: (command: Command) => void): void {
    this.#send = send;
  }

  send(command: Command): void {
    // What is asked beside the run leaves it, and the ways out that it was offered, as they are.
    if (!BESIDE.includes(command.type)) this.trouble.value = null;
    this.#send(command);
  }

  /** Begins anew with the form's settings, on the visitor's own text where one is given. */
  restart(text?: OwnText): void {
    this.#beginBy((settings) => ({ type: 'start', settings, ...(text && { text }) }));
  }

  /** Goes on from the end with as many steps again. */
  longer(): void {
    this.#beginBy((_, own) => ({ type: 'start', settings: { ...own, steps: 2 * own.steps }, fromSave: true }));
  }

  /** Goes on from a step as a run of its own, with the form's settings. */
  fork(step: number): void {
    this.#beginBy((settings) => ({ type: 'fork', step, settings }));
  }

  startCheck(): void {
    this.check.begin();
    this.send({ type: 'check' });
  }

  /**
   * Asks about the run; the promise is rejected with a sentence for what cannot be looked at, and where the question was dropped.
   * @param step that is looked at; null for the newest
   */
  ask<K extends Kind>(kind: K, asked: Asked<K>, step: number | null = null): Pending<K> {
    const id = ++this.#lastId;
    const pending = this.#questions.add<K>(id, () => this.send({ type: 'cancel', id }));
    this.send({ type: 'ask', id, step, question: { kind, ...asked } as unknown as Question });
    return pending;
  }

  /** Takes what the worker says. @param at milliseconds of a clock that never goes back */
  take(news: News, at = performance.now()): void {
    switch (news.type) {
      case 'adapter':
      case 'text':
      case 'measured':
      case 'receipt':
      case 'replay':
      case 'prepared':
        this.#put(this[news.type] as Signal<News | null>, news);
        break;
      case 'phase':
        this.#put(this.phase, news);
        if (news.text.startsWith('compiling')) this.#put(this.compiled, news);
        break;
      case 'ready':
        this.#begin(news);
        break;
      case 'history':
        for (const event of news.events) this.record.add(event);
        this.#changed();
        break;
      case 'event':
        if (news.event.event === 'step') this.#time.step(news.event.step, at);
        else this.#time.between(at);
        this.record.add(news.event);
        this.#put(this.phase, null);
        this.#changed();
        break;
      case 'state':
        if (news.state !== 'training') this.#time.interrupt();
        if (news.savedStep > 0) this.#keepStorage();
        if (news.state === 'failed' && this.#latest(this.state)?.state !== 'failed') this.record.fail();
        this.#put(this.state, news);
        if (news.state !== 'training') this.#put(this.phase, null);
        this.#changed();
        break;
      case 'lost':
        this.#time.interrupt();
        this.record.lose(news);
        this.#put(this.lost, news);
        // There is an adapter again.
        if (this.#latest(this.trouble)?.until) this.#put(this.trouble, null);
        this.#changed();
        break;
      case 'forked':
        this.record.mark(news.fork.step, 'forked');
        this.lineage.part(news.fork);
        this.#changed();
        break;
      case 'shelf':
        this.#put(this.shelf, news.models);
        break;
      case 'token':
      case 'generated':
      case 'translated':
        this.replies.take(news);
        break;
      case 'answered':
        this.#questions.take(news);
        break;
      case 'checked':
      case 'verdict':
        this.check.take(news);
        break;
      case 'exported':
        this.#saveFile(news.name, news.bytes);
        break;
      case 'error':
        this.#put(this.trouble, {
          ...{ sentence: news.sentence, offers: news.offers },
          ...{ until: news.until, look: news.look ?? false },
        });
        this.check.interrupt();
        break;
    }
    this.#shown.schedule();
  }

  /** The query that the page's address should have, once it is this page that chose it. */
  get newLink(): string | null {
    return this.#restarted ? (this.ready.value?.link ?? null) : null;
  }

  /** Shows what is pending now. */
  flush(): void {
    this.#shown.flush();
  }

  /** Another run, which somebody chose here. @param command from the form's settings, and those of the present run */
  #beginBy(command: (form: PageSettings, own: PageSettings) => Command): void {
    const ready = this.ready.value;
    if (!ready) return;
    this.#restarted = true;
    this.send(command({ ...ready.settings, ...this.draft.value }, ready.settings));
  }

  /** Asks the browser, once, not to clear what was saved when it is short of room: only a page may ask. */
  #keepStorage(): void {
    if (this.#asked) return;
    this.#asked = true;
    globalThis.navigator?.storage?.persist?.().catch(() => {});
  }

  #begin(ready: Of<'ready'>): void {
    const before = this.#latest(this.ready);
    this.lineage.leave(before && { record: this.record, link: before.link }, ready.forked ?? false);
    this.record = new RunRecord(ready.totalSteps, ready.resumedAt);
    this.#time = new TimeLeft();
    this.#put(this.ready, ready);
    // There is an adapter again.
    if (this.#latest(this.trouble)?.until) this.#put(this.trouble, null);
    this.#put(this.draft, {});
    // The state that was told last is of the run before.
    for (const each of [this.state, this.measured, this.lost, this.receipt, this.replay])
      this.#put(each as Signal<unknown>, null);
    this.#put(this.chosen, null);
    this.#put(this.hovered, null);
    this.#changed();
  }

  #changed(): void {
    this.#put(this.version, this.#latest(this.version) + 1);
    this.#put(this.secondsLeft, this.#time.secondsLeft(this.record.totalSteps));
  }

  #put<T>(target: Signal<T>, value: T): void {
    this.#shown.put(target, value);
  }

  #latest<T>(target: Signal<T>): T {
    return this.#shown.latest(target);
  }
}

/** The one store of the page. */
export const store = new Store(giveFile);
