// A row of the mask in words, for who does not see tints and lines. Pure.
import { printable } from '../../../src/data/printable.ts';
import type { MaskedRow } from '../../protocol/lessons.ts';

type Token = MaskedRow['tokens'][number];

/** `prompt "Define·jog", not counted; answer "run·slowly", counted; padding 4`. */
export function rowText({ tokens, padding }: MaskedRow): string {
  const pieces: (Omit<Token, 'text'> & { texts: string[] })[] = [];
  for (const { text, role, trained } of tokens) {
    const last = pieces.at(-1);
    if (last?.role === role && last.trained === trained) last.texts.push(text);
    else pieces.push({ role, trained, texts: [text] });
  }
  const said = pieces.map(
    ({ role, trained, texts }) => `${role} "${texts.map(visible).join('')}", ${trained ? 'counted' : 'not counted'}`,
  );
  if (padding > 0) said.push(`padding ${padding}`);
  return said.join('; ');
}

/** Blanks and ends of lines can be seen. */
export const visible = (text: string): string =>
  printable(text.replaceAll('\n', '\u23ce'), true).replaceAll(' ', '\u00b7');
