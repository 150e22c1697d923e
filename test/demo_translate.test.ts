// The page's translator: what is asked of it is answered a token at a time, with how it looked at its source, and refused in sentences.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { News } from '../demo/protocol.ts';
import { openTranslator } from '../demo/worker/translate.ts';
import { type Translate, Translations } from '../demo/worker/translations.ts';
import { InputError, Twin } from '../src/index.ts';

const demo = fileURLToPath(new URL('../demo/', import.meta.url));
const opened = () => openTranslator(async (name) => fs.readFileSync(demo + name));
const TEXT = "Type '{0}' is not assignable to type '{1}'.";

type Translated = Extract<News, { type: 'translated' }>;

/** What is asked on the twin, and what was said. */
async function asking(fetched: () => Promise<Translate> = opened) {
  const news: News[] = [];
  const translations = new Translations((said) => news.push(said), fetched);
  await translations.use(new Twin());
  const last = () => news.findLast((each): each is Translated => each.type === 'translated');
  return { news, translations, last };
}

test('a message comes token by token, and then how each token looked at the source', async () => {
  const { news, translations, last } = await asking();
  // Letters and marks apart, as some keyboards and files have them.
  translations.add({ type: 'translate', id: 1, text: `  ${TEXT.normalize('NFD')} ` });
  await translations.arrival();
  await translations.serve(0);
  expect(last()).toBe(undefined);
  await translations.serve(Number.POSITIVE_INFINITY);
  const { text, cancelled, error, alignment } = last()!;
  expect([text, cancelled, error]).toEqual(["Impossible d'assigner le type '{0}' au type '{1}'.", false, null]);
  const pieces = news.flatMap((each) => (each.type === 'token' ? [each.text] : []));
  expect([pieces.join(''), pieces.length > 5]).toEqual([text, true]);
  const { source, target, maps } = alignment!;
  expect([source.join(''), target.join('')]).toEqual([TEXT, text]);
  expect(maps.map(({ name }) => name)).toEqual(['mean of all heads', 'head 1', 'head 2', 'head 3', 'head 4']);
  for (const { rows } of maps) {
    expect(rows.length).toBe(target.length);
    for (const row of rows) {
      expect(row.length).toBe(source.length);
      expect(row.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5);
    }
  }
});

test('an empty text and one that is too long are refused, and the next is served', async () => {
  const { translations, news } = await asking();
  for (const [i, text] of [' ', 'type '.repeat(100), 'Identifier expected.'].entries())
    translations.add({ type: 'translate', id: i, text });
  await translations.arrival();
  await translations.serve(Number.POSITIVE_INFINITY);
  const told = news.flatMap((each) => (each.type === 'translated' ? [each.error ?? each.text] : []));
  expect(told).toEqual([
    'translate: found an empty text, expected a message. Type one.',
    expect.stringMatching(/^translate: found a source of \d+ tokens, expected at most 63/),
    'Identificateur attendu.',
  ]);
});

test('what is cancelled, or loses its run, ends with what there is', async () => {
  const { translations, last } = await asking();
  translations.add({ type: 'translate', id: 1, text: TEXT });
  await translations.arrival();
  await translations.serve(0);
  translations.cancel(1);
  expect(last()).toMatchObject({ id: 1, text: 'Impossible', cancelled: true, error: null, alignment: null });
  translations.add({ type: 'translate', id: 2, text: TEXT });
  translations.close('There is no run yet. Begin one.');
  expect(last()).toMatchObject({ id: 2, cancelled: true, error: 'There is no run yet. Begin one.' });
  translations.add({ type: 'translate', id: 3, text: TEXT });
  expect(last()).toMatchObject({ id: 3, error: 'There is no run yet. Begin one.' });
});

test('a model that cannot be fetched is told, and fetched again at the next request', async () => {
  let tries = 0;
  const { translations, last } = await asking(async () => {
    if (tries++ === 0)
      throw new InputError('models/x: found no answer, expected the model beside the page. Try again.');
    return opened();
  });
  translations.add({ type: 'translate', id: 1, text: TEXT });
  await expect.poll(() => last()?.error).toContain('found no answer');
  translations.add({ type: 'translate', id: 2, text: 'Identifier expected.' });
  await translations.arrival();
  await translations.serve(Number.POSITIVE_INFINITY);
  expect(last()).toMatchObject({ id: 2, text: 'Identificateur attendu.' });
  expect(tries).toBe(2);
});
