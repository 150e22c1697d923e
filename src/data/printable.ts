// Text from models, files and people may hold escape codes that would repaint a terminal, or marks that reverse the reading order.
// Here they become symbols. Pure: the page and the report use it too.

/** Marks that reorder or hide text: bidirectional controls, separators and the zero-width ones except the emoji joiner. */
const INVISIBLE = /[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text that is safe to show: control codes as their Unicode pictures (escape becomes the symbol "␛"), the upper controls and
 * reordering marks as their hexadecimal number in angle brackets, lone surrogates as "�". Line ends and tabs stay.
 * @param oneLine line ends and tabs become symbols too
 */
export function printable(text: string, oneLine = false): string {
  const lines = oneLine ? text : text.replace(/\r\n/g, '\n');
  return lines
    .replace(/[\x00-\x1f\x7f]/g, (c) => {
      if (!oneLine && (c === '\n' || c === '\t')) return c;
      return c === '\x7f' ? '\u2421' : String.fromCharCode(0x2400 + c.charCodeAt(0));
    })
    .replace(/[\x80-\x9f]/g, hexadecimal)
    .replace(INVISIBLE, hexadecimal)
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

function hexadecimal(c: string): string {
  return `<${c.charCodeAt(0).toString(16).padStart(2, '0')}>`;
}

/** A foreign word inside a message: one line, at most `limit` characters, in quotes unless it is a plain word or number. */
export function quoted(text: string, limit = 60): string {
  const shown = printable(text, true);
  const characters = [...shown];
  const cut = characters.length > limit ? `${characters.slice(0, limit).join('')}...` : shown;
  return /^[\w.+:/-]+$/.test(cut) ? cut : `"${cut}"`;
}
