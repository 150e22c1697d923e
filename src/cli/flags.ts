// A command's flags are a table: data, which help, the reader of words and the page's checks share. Pure.

/** One flag. Without a default, a flag that was not given is `undefined` (a switch: `false`; a `multiple` one: an empty list). */
export interface FlagSpec {
  /** kebab-case, without the dashes */
  readonly name: string;
  readonly type: 'number' | 'integer' | 'text' | 'boolean' | 'choice';
  readonly help: string;
  readonly default?: number | string | boolean;
  /** inclusive range of a number */
  readonly min?: number;
  readonly max?: number;
  /** exclusive range of a number: a learning rate is above 0, a dropout below 1 */
  readonly above?: number;
  readonly below?: number;
  readonly choices?: readonly string[];
  /** what is counted: "steps", "tokens", "seconds" */
  readonly unit?: string;
  /** a value that works, shown in messages */
  readonly example?: string;
  /** what stands for the value in help: FILE, DIR, NAME */
  readonly placeholder?: string;
  /** may be given several times; its value is a list */
  readonly multiple?: true;
  /** a text that may be empty (a prompt) */
  readonly mayBeEmpty?: true;
  /** heading under which help lists it */
  readonly group?: string;
}

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;

type BareValue<F extends FlagSpec> = F['type'] extends 'number' | 'integer'
  ? number
  : F['type'] extends 'boolean'
    ? boolean
    : F extends { choices: readonly (infer Choice)[] }
      ? Choice
      : string;

type FlagValue<F extends FlagSpec> = F extends { multiple: true }
  ? readonly BareValue<F>[]
  : F extends { type: 'boolean' } | { default: number | string }
    ? BareValue<F>
    : BareValue<F> | undefined;

/** The record that a table of flags (written with `defineFlags`) yields: `learning-rate` is `learningRate`. */
export type FlagValues<T extends readonly FlagSpec[]> = {
  readonly [F in T[number] as Camel<F['name']>]: FlagValue<F>;
};

/** A choice of on and off: its setting is a boolean, and a preset may have either. */
export function isOnOff({ choices }: FlagSpec): boolean {
  return choices?.join() === 'on,off';
}

/** Keeps the literal types of a table, so that `FlagValues` knows each name and choice. */
export function defineFlags<const T extends readonly FlagSpec[]>(flags: T): T {
  return flags;
}

/** `learning-rate` -> `learningRate`. */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** `learningRate` -> `learning-rate`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
