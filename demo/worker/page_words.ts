// Remarks of a lesson's data in the page's words: what names a flag of the command line says nothing to somebody who has none.

const FLAG = /(?:^|[\s("'`])--[a-z]/;

/** @returns the remark without its parts that are of the command line alone; empty where nothing of it is left */
export function pageWords(line: string): string {
  return line
    .split(/(?<=\.) /)
    .map(withoutFlags)
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function withoutFlags(sentence: string): string {
  if (!FLAG.test(sentence)) return sentence;
  const kept = sentence.split(/(?<=[;:]) /).filter((part) => !FLAG.test(part));
  const text = kept.join(' ').replace(/[;:]$/, '');
  return text !== '' && sentence.endsWith('.') ? `${text}.` : text;
}
