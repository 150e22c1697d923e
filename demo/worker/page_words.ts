// What is told in the page's words: what names a flag of the command line says nothing to somebody who has none.
import type { RunEvent } from '../../src/index.ts';
import type { News } from '../protocol.ts';

const FLAG = /(?:^|[\s("'`])--[a-z]/;
const SENTENCES = /(?<=[.?]) /;
const FLAGS = /(^|[\s("'`])--([a-z][a-z-]*)/g;

/** News with its problems in the page's words: all that goes to the page passes here. */
export function inPageWords(news: News): News {
  if (news.type === 'error') return { ...news, sentence: pageProblem(news.sentence) };
  if (news.type === 'ready') return { ...news, notes: news.notes.map(pageProblem) };
  if (news.type === 'event') return { ...news, event: warningInWords(news.event) };
  if (news.type === 'history') return { ...news, events: news.events.map(warningInWords) };
  if ('error' in news && news.error !== null) return { ...news, error: pageProblem(news.error) };
  return news;
}

/** What a file of the run says stays as it is. @returns the event as it is shown */
function warningInWords(event: RunEvent): RunEvent {
  if (event.event !== 'warning' || !FLAG.test(event.text)) return event;
  return { ...event, text: pageWords(event.text) || pageProblem(event.text) };
}

/** @returns the problem, a flag in its first sentence by the setting's name alone; advice that only the command line can follow is left out */
function pageProblem(line: string): string {
  const [what = '', ...advice] = line.split(SENTENCES);
  const named = what.replace(FLAGS, (_, before: string, flag: string) => before + flag.replaceAll('-', ' '));
  return [named, ...advice.map(withoutFlags)].filter((sentence) => sentence !== '').join(' ');
}

/** @returns the remark without its parts that are of the command line alone; empty where nothing of it is left */
export function pageWords(line: string): string {
  return line
    .split(SENTENCES)
    .map(withoutFlags)
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function withoutFlags(sentence: string): string {
  if (!FLAG.test(sentence)) return sentence;
  const kept = sentence.split(/(?<=[;:]) /).filter((part) => !FLAG.test(part));
  const text = kept.join(' ').replace(/(For example:|[;:])$/, '');
  return text !== '' && sentence.endsWith('.') ? `${text}.` : text;
}
