// How a page is opened: what its link asks for, what was saved here before, and else a new run.
import { InputError, RunError } from '../../src/index.ts';
import { linkedSettings, type ReadLink, readLink } from '../link.ts';
import type { Command, PageSettings } from '../protocol.ts';
import type { Receipt } from '../receipt.ts';
import { whyWait } from './beginning.ts';
import { resume } from './next_run.ts';
import { anotherTab } from './offers.ts';
import { type Found, Saves } from './saves.ts';
import type { Stage } from './stage.ts';
import { type OpenText, openBook, textOf } from './text.ts';

type Open = Extract<Command, { type: 'open' }>;

export async function openPage(stage: Stage, command: Open): Promise<void> {
  const link = readLink(command.search);
  if (command.cpu) stage.homes.useCpu();
  if (command.saving !== false && !stage.saves) {
    stage.phase('looking for a saved run');
    if (!(await openSaves(stage, command, link))) return;
  }
  const receipt = await receiptOf(link);
  // What a receipt is of is trained once more, from nothing.
  const found = receipt ? null : ((await stage.saves?.find(link.given, (line) => link.notes.push(line))) ?? null);
  const waits = whyWait(command, link);
  if (found && (await resumed(stage, found, link.notes, waits))) return;
  // Of a lesson that cannot go on there is the run before it.
  const before = found?.lesson ? await stage.saves!.pretrained() : null;
  if (before && (await resumed(stage, before, link.notes, waits))) return;
  await stage.openHome(null);
  stage.phase('measuring');
  await stage.homes.measure();
  stage.send(stage.homes.news());
  await beginLinked(stage, link, receipt, waits);
}

/** A run from nothing, as its link asks for it. @param receipt that it is held to, where the text is the receipt's */
async function beginLinked(stage: Stage, link: ReadLink, receipt: Receipt | null, waits: string | null): Promise<void> {
  const page = linkedSettings(stage.homes.defaults(), link);
  const named = await namedText(stage, page);
  const text = named ?? (await openBook());
  page.data = text.data;
  const other = 'The link is of a run on different data.';
  const same = named !== null && (receipt === null || receipt.dataHash === text.corpus.hash);
  if (!named)
    link.notes.push(
      `data: the text ${link.given.data} is not here, and a link carries none. Give that text, or train on the book.`,
    );
  const begun = { page, text, from: null, asked: false, notes: link.notes, waits: same ? waits : other };
  await stage.begin({ ...begun, receipt: same ? receipt : null });
  if (receipt && !same)
    stage.send({
      type: 'replay',
      verdict: 'different',
      sentence: `different data: the receipt is of a text with the hash ${receipt.dataHash.slice(0, 12)}, this one has ${text.corpus.hash.slice(0, 12)}. Nothing runs.`,
    });
}

/** The text that settings name; null where it is not here. */
export function namedText(stage: Stage, { data }: PageSettings): Promise<OpenText | null> {
  const { saves, text } = stage;
  stage.phase('reading the text');
  return textOf(data, text, async (wanted) => (await saves?.text(wanted)) ?? null);
}

/** The receipt of a link; null where it has none, or a damaged one, which is told. */
async function receiptOf({ receipt, notes }: ReadLink): Promise<Receipt | null> {
  if (receipt === null) return null;
  const { readReceipt } = await import('../receipt.ts');
  try {
    return readReceipt(receipt);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    notes.push(error.message);
    return null;
  }
}

/** @returns false where another tab has the saved runs */
async function openSaves(stage: Stage, command: Open, link: ReadLink): Promise<boolean> {
  try {
    const saves = await Saves.open();
    if (saves !== 'taken') {
      stage.saving.saves = saves;
      return true;
    }
    stage.become('waiting', 'Another tab of this page is training.');
    stage.send({ type: 'error', ...anotherTab(command) });
    return false;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    link.notes.push(`${error.message} Nothing is saved: export the run to keep it.`);
    return true;
  }
}

/** @returns false for a saved run that cannot go on here: it is told, and stays as it is */
async function resumed(stage: Stage, found: Found, notes: string[], waits: string | null): Promise<boolean> {
  try {
    await resume(stage, found, notes, waits);
    return true;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    notes.push(`The saved run cannot go on: ${error.message}`);
    return false;
  }
}
