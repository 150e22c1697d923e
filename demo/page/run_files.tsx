// The run as files: out, as one archive that the command line goes on with, and in again.
import { FilePicker } from './data_card.tsx';
import { Foldout } from './foldout.tsx';
import { store } from './store.ts';

export function RunFiles() {
  const state = store.state.value;
  // One that keeps nothing is given as it stands; of one that failed there is only what was saved.
  const there = store.ready.value !== null && state !== null && (state.savedAt !== null || state.state !== 'failed');
  const pick = async (files: File[]) => {
    const read = await Promise.all(
      files.map(async (file) => ({ path: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    ).catch(() => null);
    if (read === null) store.trouble.value = { sentence: 'The file cannot be read. Pick it again.', offers: [] };
    else if (read.length > 0) store.send({ type: 'import', files: read });
  };
  return (
    <Foldout name="file" title="The run as a file" class="own">
      <p class="soft">The command line goes on with what is saved here, and this page with what is saved there.</p>
      <div class="buttons">
        <button type="button" disabled={!there} onClick={() => store.send({ type: 'export' })}>
          Save to a file
        </button>
        <FilePicker label="Open one" accept=".zip" disabled={!store.ready.value} multiple onPick={pick} />
      </div>
    </Foldout>
  );
}
