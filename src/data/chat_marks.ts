// Tells what a message says from what a template adds: the template is run once more with characters of the messages replaced by
// others that nothing uses, and where its text is the same but for them, they mark what came from a message.
import type { ChatMessage } from './chat_template.ts';
import { SpecialFinder } from './pieces.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Which characters of messages are replaced: all that control tokens are written in, or those of whole control tokens alone. */
export type Marked = 'all characters' | 'whole tokens';

export interface Marks {
  readonly messages: readonly ChatMessage[];
  /** The text without its marks, and whether any character from one position up to another was marked. */
  read(text: string): { text: string; anyMarked: (from: number, to: number) => boolean };
}

/**
 * What an assistant says keeps the tokens that answers hold: the model wrote them.
 * @param tokenizer whose special tokens are meant   @param text all that the template makes of the messages
 * @returns null where not enough characters are unused
 */
export function markedMessages(
  messages: readonly ChatMessage[],
  { specialTokens: special = [], answerTokens = [] }: Tokenizer,
  text: string,
  what: Marked,
): Marks | null {
  const used = new Set(text + messages.map(({ content }) => content).join(''));
  // White space stays: templates trim it, and no control token is made of it alone.
  const characters = [...new Set(special.join(''))].filter((character) => !/\s/.test(character));
  const markOf = new Map<string, string>();
  const ofMark = new Map<string, string>();
  let code = FIRST_PRIVATE;
  for (const character of characters) {
    while (code <= LAST_PRIVATE && used.has(String.fromCodePoint(code))) code++;
    if (code > LAST_PRIVATE) return null;
    const mark = String.fromCodePoint(code++);
    markOf.set(character, mark);
    ofMark.set(mark, character);
  }
  const marked = (part: string) => Array.from(part, (character) => markOf.get(character) ?? character).join('');
  const others = new SpecialFinder(special.filter((token) => !answerTokens.includes(token)));
  const answers = new SpecialFinder(answerTokens);
  const all = new SpecialFinder(special);
  const mark = ({ role, content }: ChatMessage): string => {
    const own = role === 'assistant';
    if (what === 'whole tokens')
      return Array.from((own ? others : all).split(content), (at) => at.text + marked(at.special ?? '')).join('');
    if (!own) return marked(content);
    return Array.from(answers.split(content), (at) => marked(at.text) + (at.special ?? '')).join('');
  };
  return {
    messages: messages.map((message) => ({ ...message, content: mark(message) })),
    read: (marks) => readMarks(marks, ofMark),
  };
}

// Planes 15 and 16 are for private use: no tokenizer and no template has a meaning for them.
const FIRST_PRIVATE = 0xf0000;
const LAST_PRIVATE = 0x10fffd;

function readMarks(marks: string, ofMark: ReadonlyMap<string, string>): ReturnType<Marks['read']> {
  let text = '';
  const from = new Set<number>();
  for (const character of marks) {
    const own = ofMark.get(character);
    if (own !== undefined) for (let i = 0; i < own.length; i++) from.add(text.length + i);
    text += own ?? character;
  }
  const anyMarked = (start: number, end: number) => {
    for (let at = start; at < end; at++) if (from.has(at)) return true;
    return false;
  };
  return { text, anyMarked };
}
