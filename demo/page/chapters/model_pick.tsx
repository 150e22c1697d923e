// Which model a lesson begins from: one that is there, or files of one that are dropped or picked.
import { useSignal } from '@preact/signals';
import { counted, grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { ShelfId, ShelfModel, Teaching } from '../../protocol/lessons.ts';
import { store } from '../store.ts';
import { closeSheets, chapter as openChapter } from '../view.ts';
import { letWrite } from '../writer_pick.tsx';
import { DropZone } from './drop_zone.tsx';
import { baseOf, changeDraft } from './lesson_draft.ts';
import { droppedFiles, type Found, pickedFiles, readModel } from './model_drop.ts';

const WHERE: Readonly<Record<ShelfId, string>> = {
  trained: 'trained here',
  loaded: 'loaded',
  taught: 'taught here',
};

export function ModelPick({ chapter }: { chapter: Teaching }) {
  const reading = useSignal<string | null>(null);
  const shelf = store.shelf.value;
  const chosen = baseOf(chapter);
  const load = async (find: () => Promise<Found>) => {
    reading.value = 'Reading the files.';
    try {
      const { name, files } = await readModel(await find());
      closeSheets();
      changeDraft(chapter, { base: 'loaded' });
      store.send({ type: 'load', name, files });
    } catch (error) {
      closeSheets();
      store.trouble.value = { sentence: printable((error as Error).message, true), offers: [] };
    }
    reading.value = null;
  };
  return (
    <section aria-label="Model to begin from" id="shelf">
      <h2>Begins from</h2>
      {shelf.length === 0 && <p class="soft">No model yet: the first chapter trains one. Or load one:</p>}
      <div role="radiogroup" aria-label="Model" class="shelf">
        {shelf.map((model) => (
          <label key={model.id} data-shelf={model.id}>
            <input
              type="radio"
              name="base"
              checked={model.id === chosen?.id}
              onChange={() => changeDraft(chapter, { base: model.id })}
            />
            <span class="wrap">
              <b>{printable(model.name, true)}</b> <span class="soft">{WHERE[model.id]}</span>
            </span>
          </label>
        ))}
      </div>
      {chosen && <Read model={chosen} />}
      <DropZone label="Load a model" onDrop={(items) => void load(() => droppedFiles(items))}>
        <p class="soft">
          Drop a Hugging Face folder or a run folder here, its files, or one .zip of it. It stays on this machine.
        </p>
        <div class="buttons">
          <Picker label="Pick a folder" folder onPick={(files) => void load(async () => pickedFiles(files))} />
          <Picker label="Pick files" onPick={(files) => void load(async () => pickedFiles(files))} />
        </div>
        {reading.value && <p role="status">{reading.value}</p>}
      </DropZone>
    </section>
  );
}

function Picker({ label, folder = false, onPick }: { label: string; folder?: boolean; onPick(files: File[]): void }) {
  const ready = store.ready.value !== null;
  return (
    <label class={`button ${ready ? '' : 'disabled'}`}>
      {label}
      <input
        type="file"
        class="unseen"
        multiple
        disabled={!ready}
        {...(folder ? { webkitdirectory: true } : { accept: '.zip,.json,.safetensors,.txt,.jinja,.model' })}
        onChange={({ currentTarget: input }) => {
          const files = [...(input.files ?? [])];
          input.value = '';
          if (files.length > 0) onPick(files);
        }}
      />
    </label>
  );
}

/** What was read of the model. */
function Read({ model }: { model: ShelfModel }) {
  const { family, parameters, layers, width, context, vocabSize, tokenizer, chats, adapter, notes } = model;
  const facts: [string, string][] = [
    ['family', family],
    ['parameters', grouped(parameters)],
    ['layers', `${layers}, ${grouped(width)} wide`],
    ['context', counted(context, 'token')],
    ['tokenizer', `${tokenizer}, ${grouped(vocabSize)} tokens`],
    ['chat form', chats ? 'has one' : 'has none'],
    ...(adapter ? ([['adapter', 'on another model']] as [string, string][]) : []),
  ];
  return (
    <>
      <dl class="facts" data-family={family}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="wrap">{printable(value, true)}</dd>
          </div>
        ))}
      </dl>
      {notes.length > 0 && (
        <ul class="soft small-notes">
          {notes.map((note) => (
            <li key={note} class="wrap">
              {printable(note, true)}
            </li>
          ))}
        </ul>
      )}
      <button type="button" onClick={() => talkTo(model)}>
        Talk to it
      </button>
    </>
  );
}

function talkTo({ id }: ShelfModel): void {
  closeSheets();
  letWrite(id);
  openChapter.value = 'chat';
}
