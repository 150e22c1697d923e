// What the terminal can do, read from the stream and the environment: width, colour, redrawing a line, characters beyond ASCII.

/** The part of a Node stream that output needs. */
export interface TextStream {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Columns of the terminal, 80 where nobody knows, never under 20. */
export function widthOf(stream: TextStream): number {
  return Math.max(20, stream.columns || 80);
}

/** A terminal on which a line can be drawn again. */
export function redraws(stream: TextStream, env: Environment): boolean {
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** Colour only on a terminal that takes it, and never against NO_COLOR (no-color.org). */
export function colourful(stream: TextStream, env: Environment): boolean {
  return redraws(stream, env) && !env.NO_COLOR;
}

/**
 * Whether braille and block characters can be shown. A locale that is set decides; where none is (containers often have none)
 * terminals are taken for UTF-8, except the plain Linux console, whose font lacks them.
 */
export function unicode(env: Environment): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (locale) return /utf-?8/i.test(locale);
  return env.TERM !== 'linux' && env.TERM !== 'dumb';
}

/** Wraps text in a colour or weight; each is the identity where colour is off. */
export interface Style {
  dim(text: string): string;
  bold(text: string): string;
  underline(text: string): string;
  error(text: string): string;
  warning(text: string): string;
  /** blue and vermilion, the two colours of the curves here and in the report */
  train(text: string): string;
  validation(text: string): string;
}

export function styleFor(colour: boolean): Style {
  const code = (open: string, close: string) => (text: string) =>
    colour && text ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    dim: code('2', '22'),
    bold: code('1', '22'),
    underline: code('4', '24'),
    error: code('31', '39'),
    warning: code('33', '39'),
    train: code('38;5;32', '39'),
    validation: code('38;5;202', '39'),
  };
}
