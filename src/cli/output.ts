// Everything a command says goes through here. With --json standard output carries one object a line and nothing else; without it,
// text for people. A reader that goes away (`| head`), or a full disk behind `>`, never ends a run.
import { printable } from '../data/printable.ts';
import {
  colourful,
  type Environment,
  redraws,
  type Style,
  styleFor,
  type TextStream,
  unicode,
  widthOf,
} from './terminal.ts';

export interface OutputOptions {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env?: Environment;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** braille and blocks may be used */
  readonly unicode: boolean;
  /** colours for `print` and `log`; each function is the identity where colour is off */
  readonly style: Style;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #env: Environment;
  readonly #gone = new Set<TextStream>();
  #refused = false;
  #status = '';
  #midLine = false;
  #halfCharacter = '';

  constructor({ stdout, stderr, env = {}, json = false, quiet = false }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#env = env;
    this.unicode = unicode(env);
    this.style = styleFor(colourful(this.#logStream, env));
    // Never removed: a stream may fail long after the last line was handed to it.
    for (const stream of [stdout, stderr]) stream.on?.('error', (error: Error) => this.#lost(stream, error));
  }

  /** Colours for the status line and all else on standard error. */
  get statusStyle(): Style {
    return styleFor(colourful(this.#stderr, this.#env));
  }

  /** Columns for `print` and `log`. */
  get width(): number {
    return widthOf(this.#logStream);
  }

  /** The status line is redrawn in place; otherwise it is for the caller to print a line now and then. */
  get redraws(): boolean {
    return redraws(this.#stderr, this.#env);
  }

  /** Columns of the status line. */
  get statusWidth(): number {
    return widthOf(this.#stderr);
  }

  get #logStream(): TextStream {
    return this.json ? this.#stderr : this.#stdout;
  }

  /** Standard output has no reader any more: a command that only prints (generate) may end early. */
  get stdoutClosed(): boolean {
    return this.#gone.has(this.#stdout);
  }

  /** With --json: the object as one line of standard output. NaN and infinities become null. Without: nothing. */
  emit(value: object): void {
    if (this.json) this.#line(this.#stdout, JSON.stringify(value));
  }

  /** A result for people, on standard output; not with --json. Foreign text goes through `printable` first. */
  print(line = ''): void {
    if (!this.json) this.#line(this.#stdout, line);
  }

  /** Text of a model as it comes, without a line end, made printable; not with --json. */
  stream(text: string): void {
    if (this.json) return;
    this.status('');
    const whole = this.#halfCharacter + text;
    this.#halfCharacter = /[\ud800-\udbff]$/.test(whole) ? whole.slice(-1) : '';
    this.#write(this.#stdout, printable(this.#halfCharacter ? whole.slice(0, -1) : whole));
  }

  /** A line of a running job (evaluation, sample, save): standard output, with --json standard error; not with --quiet. */
  log(line = ''): void {
    if (!this.quiet) this.#line(this.#logStream, line);
  }

  /** A remark on standard error (which adapter runs, what is used instead); not with --quiet. */
  note(line: string): void {
    if (!this.quiet) this.#line(this.#stderr, line);
  }

  /** Something a person should know even with --quiet, on standard error. */
  warn(sentence: string): void {
    this.#line(this.#stderr, `${this.statusStyle.warning('warning:')} ${sentence}`);
  }

  /** Why the program ends, on standard error. */
  error(sentence: string): void {
    this.#line(this.#stderr, `${this.statusStyle.error('error:')} ${sentence}`);
  }

  /** Text as it is on standard error: stacks and help after a mistake. */
  raw(text: string): void {
    this.#line(this.#stderr, text);
  }

  /**
   * Draws the status line below everything else; an empty text takes it away. Nothing where lines cannot be redrawn, nor behind
   * half a line of streamed text.
   */
  status(text: string): void {
    if (this.quiet || !this.redraws || this.#midLine) return;
    if (text === this.#status) return;
    this.#send(this.#stderr, `\r\x1b[K${text}`);
    this.#status = text;
  }

  /** Waits until all is written. @returns whether standard output took it; a reader that left has what it wanted */
  async printed(): Promise<boolean> {
    await this.#settle();
    return !this.#refused;
  }

  /** Takes the status line away and waits until all is written or the readers are gone. */
  async close(): Promise<void> {
    this.status('');
    this.#newLine(this.#stdout);
    await this.#settle();
  }

  async #settle(): Promise<void> {
    for (const stream of [this.#stdout, this.#stderr]) {
      if (!this.#gone.has(stream)) await new Promise<void>((resolve) => stream.write('', () => resolve()));
    }
  }

  #line(stream: TextStream, text: string): void {
    this.#newLine(stream);
    this.#write(stream, `${text}\n`);
  }

  /** A half line of streamed text is ended before another line shares its terminal. */
  #newLine(stream: TextStream): void {
    if (this.#midLine && (stream === this.#stdout || stream.isTTY)) {
      this.#midLine = false;
      this.#send(this.#stdout, '\n');
    }
  }

  #write(stream: TextStream, text: string): void {
    const status = this.#status;
    if (status && stream.isTTY) this.#send(this.#stderr, '\r\x1b[K');
    this.#send(stream, text);
    if (stream === this.#stdout && text) this.#midLine = !text.endsWith('\n');
    if (status && stream.isTTY) this.#send(this.#stderr, status);
  }

  #send(stream: TextStream, text: string): void {
    if (this.#gone.has(stream)) return;
    try {
      stream.write(text);
    } catch (error) {
      this.#lost(stream, error as Error);
    }
  }

  #lost(stream: TextStream, error: Error & { code?: string }): void {
    if (this.#gone.has(stream)) return;
    this.#gone.add(stream);
    // A reader that left is no news; a full disk behind a redirection is.
    if (stream === this.#stdout && error.code !== 'EPIPE') {
      this.#refused = true;
      this.warn(`standard output: cannot be written (${error.code ?? error.message}). Nothing more is printed there`);
    }
  }
}
