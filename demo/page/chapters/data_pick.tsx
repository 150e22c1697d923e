// What a lesson learns from: what the page brings, or a visitor's own file.
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import { InputError } from '../../../src/errors.ts';
import type { Teaching } from '../../protocol/lessons.ts';
import { FilePicker } from '../data_card.tsx';
import { fileText } from '../file_text.ts';
import { store } from '../store.ts';
import { closeSheets } from '../view.ts';
import { DropZone } from './drop_zone.tsx';
import { changeDraft, draftOf } from './lesson_draft.ts';
import { DATA } from './titles.ts';

/** Larger ones would fill a page's memory before the worker could say so. Bytes. */
const LARGEST = 100e6;

export function DataPick({ chapter }: { chapter: Teaching }) {
  const { own } = draftOf(chapter);
  const { builtin, about, own: form, accept } = DATA[chapter];
  const take = async (files: readonly File[]) => {
    try {
      changeDraft(chapter, { own: await ownText(files) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      closeSheets();
      store.trouble.value = { sentence: printable(error.message, true), offers: [] };
    }
  };
  return (
    <section aria-label="Data" id="lesson-data" data-own={own?.name}>
      <h2>Learns from</h2>
      {own ? (
        <>
          <p class="wrap">
            <b>{printable(own.name, true)}</b>: {grouped(own.text.length)} characters, your own
          </p>
          <div class="buttons">
            <button type="button" onClick={() => changeDraft(chapter, { own: null })}>
              Back to the page’s data
            </button>
          </div>
        </>
      ) : (
        <p>
          <b>{builtin}</b>. <span class="soft">{about}</span>
        </p>
      )}
      <DropZone label="Data of your own" onDrop={({ files }) => void take([...files])}>
        <p class="soft">Your own, dropped here or picked: {form} It stays on this machine.</p>
        <div class="buttons">
          <FilePicker
            label="Pick a file"
            accept={accept}
            disabled={!store.ready.value}
            onPick={(files) => void take(files)}
          />
        </div>
      </DropZone>
      {!own && chapter !== 'load' && (
        <p class="soft">
          Made of WordNet 3.1, Princeton University: <a href="data/WORDNET-LICENSE.txt">its notice</a>.
        </p>
      )}
    </section>
  );
}

async function ownText(files: readonly File[]) {
  const [file] = files;
  if (!file || files.length > 1)
    throw new InputError(`data: found ${files.length} files, expected one. Put them into one file.`);
  if (file.size > LARGEST)
    throw new InputError(
      `${file.name}: found ${grouped(file.size / 1e6)} MB, expected at most ${grouped(LARGEST / 1e6)} MB. Take a part of it.`,
    );
  const read = await file.arrayBuffer().catch(() => null);
  if (read === null) throw new InputError(`${file.name}: cannot be read, expected a file. Pick a file.`);
  return { name: file.name, text: fileText(file.name, new Uint8Array(read)) };
}
