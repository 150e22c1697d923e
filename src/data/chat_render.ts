// Runs a Jinja template that came with a model under limits: on its length, its steps, the text it makes and the numbers it counts to.
import { quoted } from '../checkpoint/json.ts';
import { InputError } from '../errors.ts';

/** @throws InputError as `ChatTemplate.render` */
export type Render = (values: Readonly<Record<string, unknown>>) => string;

const LONGEST_TEMPLATE = 64 * 1024;
/** The library looks through white space in time by the square of its length. */
const LONGEST_SPACE = 200;
/** Conversations are shorter, models read less. */
const LONGEST_TEXT = 16 * 2 ** 20;
const LONGEST_LIST = 1e5;
const LONGEST_RANGE = 10_000;
/** A template of Llama's takes about 50 a message. */
const MOST_STEPS = 1e6;
/** For what costs time without steps, such as loops around nothing. */
const MOST_MS = 5000;

/** What the interpreter is given of Jinja's own: see its `setupGlobals`. */
const constants = { true: true, false: false, none: null, True: true, False: false, None: null };

/**
 * A template ready to run.
 * @param where opens every message
 * @throws InputError for over 64 Ki characters, and for faults of syntax, with their line
 */
export async function compileTemplate(source: string, where: string): Promise<Render> {
  if (source.length > LONGEST_TEMPLATE)
    throw new InputError(
      `${where}: found ${source.length} characters, expected at most ${LONGEST_TEMPLATE}. This is no chat template.`,
    );
  if (new RegExp(`\\s{${LONGEST_SPACE}}`).test(source))
    throw new InputError(
      `${where}: found ${LONGEST_SPACE} white space characters in a row, expected fewer. This is no chat template.`,
    );
  const jinja: Jinja = await import('@huggingface/jinja');
  const program = parsed(source, where, jinja);

  /** Every statement and expression goes through `evaluate`. */
  class Bounded extends jinja.Interpreter {
    #steps = 0;
    readonly #until = performance.now() + MOST_MS;
    override evaluate(statement: unknown, environment: unknown): Value {
      if (++this.#steps > MOST_STEPS) throw new Refusal(`more than ${MOST_STEPS} steps`);
      const value = super.evaluate(statement, environment);
      const found = value.value;
      if (typeof found === 'string' && found.length > LONGEST_TEXT)
        throw new Refusal(`a text of more than ${LONGEST_TEXT} characters`);
      if (Array.isArray(found)) {
        if (found.length > LONGEST_LIST) throw new Refusal(`a list of more than ${LONGEST_LIST} values`);
        if (performance.now() > this.#until) throw new Refusal(`more than ${MOST_MS / 1000} s of work`);
      }
      return value;
    }
  }

  return (values) => {
    const environment = new jinja.Environment();
    for (const [name, value] of Object.entries({ ...constants, ...functions, ...values })) environment.set(name, value);
    try {
      return String(new Bounded(environment).run(program).value);
    } catch (error) {
      if (error instanceof InputError) throw error;
      if (error instanceof Refusal)
        throw new InputError(`${where}: found ${error.message}, expected a template that ends. Take another template.`);
      if (error instanceof RangeError)
        throw new InputError(
          `${where}: found a template that calls itself without end, or makes a text without end. Take another template.`,
        );
      if (error instanceof Raised)
        throw new InputError(`${where}: the template refuses these messages: ${quoted(error.message)}.`);
      // A break outside a loop says nothing.
      const said = (error instanceof Error && (error.message || error.constructor.name)) || String(error);
      throw new InputError(`${where}: cannot be run: ${quoted(said)}. Take another template.`);
    }
  };
}

/** Over a limit. */
class Refusal extends Error {}
/** `raise_exception` of the template. */
class Raised extends Error {}

const functions = {
  raise_exception(message: unknown) {
    throw new Raised(String(message));
  },
  range(first: number, second?: number, step = 1): number[] {
    const [from, to] = second === undefined ? [0, first] : [first, second];
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (!(length <= LONGEST_RANGE)) throw new Refusal(`a range of ${length} numbers`);
    return Array.from({ length }, (_, i) => from + i * step);
  },
  /** As Python's strftime in English, of the letters that templates use; a minus drops leading zeros. */
  strftime_now(format: unknown): string {
    const now = new Date();
    const name = (options: Intl.DateTimeFormatOptions) => now.toLocaleDateString('en-US', options);
    const two = (value: number) => String(value).padStart(2, '0');
    const letters = new Map([
      ['Y', () => String(now.getFullYear())],
      ['y', () => two(now.getFullYear() % 100)],
      ['m', () => two(now.getMonth() + 1)],
      ['d', () => two(now.getDate())],
      ['b', () => name({ month: 'short' })],
      ['B', () => name({ month: 'long' })],
      ['a', () => name({ weekday: 'short' })],
      ['A', () => name({ weekday: 'long' })],
      ['H', () => two(now.getHours())],
      ['M', () => two(now.getMinutes())],
      ['S', () => two(now.getSeconds())],
      ['%', () => '%'],
    ]);
    return String(format).replace(/%(-?)(.)/g, (whole, minus: string, letter: string) => {
      const text = letters.get(letter)?.() ?? whole;
      return minus === '' ? text : text.replace(/^0+(?=\d)/, '');
    });
  },
};

interface Value {
  readonly value: unknown;
}

/** The part of the library that is used. Its own types do not resolve. */
interface Jinja {
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): Token[];
  parse(tokens: Token[]): Program;
  readonly Environment: new () => { set(name: string, value: unknown): void };
  readonly Interpreter: new (
    environment: unknown,
  ) => { run(program: Program): Value; evaluate(statement: unknown, environment: unknown): Value };
}
type Token = object;
type Program = object;

/** As Hugging Face's library reads templates. */
const whitespace = { lstrip_blocks: true, trim_blocks: true };

/** @throws InputError with the line of the fault */
function parsed(source: string, where: string, jinja: Jinja): Program {
  const refuse = (error: unknown, line: number | null) => {
    return new InputError(
      `${where}: ${line === null ? '' : `line ${line}: `}not a template that can be read: ${faultOf(error)}. Correct it, or take another one.`,
    );
  };
  let tokens: Token[];
  try {
    tokens = jinja.tokenize(source, whitespace);
  } catch (error) {
    throw refuse(
      error,
      lineOf(source, (part) => tokensIn(part, jinja) === null, false),
    );
  }
  // The parser says nothing of places. The last token it looked at is where it stopped.
  let last = 0;
  const watched = new Proxy(tokens, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) last = Math.max(last, Number(key));
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  try {
    return jinja.parse(watched);
  } catch (error) {
    const count = Math.min(last + 1, tokens.length);
    throw refuse(
      error,
      lineOf(source, (part) => (tokensIn(part, jinja) ?? 0) >= count, true),
    );
  }
}

/** The parser's own words, but where it failed at what it did not foresee. */
function faultOf(error: unknown): string {
  if (error instanceof RangeError) return 'found brackets or blocks within each other by the thousand, expected fewer';
  if (error instanceof TypeError) return 'found its end inside a block';
  return quoted(error instanceof Error ? error.message : String(error));
}

/** More lines are not looked through. */
const MOST_LINES = 200;

/** The line, from 1, with which a source first has a property, or with which it has it for good; null for very many lines. */
function lineOf(source: string, holds: (part: string) => boolean, first: boolean): number | null {
  const lines = source.split('\n');
  if (lines.length > MOST_LINES) return null;
  const upTo = (count: number) => lines.slice(0, count).join('\n');
  let line = first ? 1 : lines.length;
  if (first) while (line < lines.length && !holds(upTo(line))) line++;
  else while (line > 1 && holds(upTo(line - 1))) line--;
  return line;
}

/** How many tokens a beginning of a source has; null where it is cut inside one. */
function tokensIn(part: string, jinja: Jinja): number | null {
  try {
    return jinja.tokenize(part, whitespace).length;
  } catch {
    return null;
  }
}
