// The text that is learnt: how much of it there is, its first lines token by token, and the place for a visitor's own.
import { useSignal } from '@preact/signals';
import { grouped } from '../../src/data/counted.ts';
import { printable } from '../../src/data/printable.ts';
import { InputError } from '../../src/errors.ts';
import { recorded } from '../recorded.ts';
import { draftSettings } from './draft.ts';
import { fileText } from './file_text.ts';
import { Foldout } from './foldout.tsx';
import { store } from './store.ts';
import { kindOf } from './token_kind.ts';
import { closeSheets } from './view.ts';

/** Larger ones would fill a page's memory before the worker could say so. Bytes. */
const LARGEST = 100e6;

export function DataCard() {
  const dragged = useSignal(false);
  const text = store.text.value ?? recorded.text;
  const drop = (event: DragEvent) => {
    dragged.value = false;
    const files = [...(event.dataTransfer?.files ?? [])];
    // A piece of text that is dragged into a box is the browser's to put there.
    if (files.length === 0) return;
    event.preventDefault();
    if (files.length > 1) refuse(`Found ${files.length} files, expected one text. Put them into one file.`);
    else learnFile(files[0]!);
  };
  return (
    <section
      id="data"
      class={dragged.value ? 'dragged' : ''}
      aria-label="The text"
      data-characters={text.characters}
      data-vocabulary={text.vocabSize}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        dragged.value = true;
      }}
      onDragLeave={() => (dragged.value = false)}
      onDrop={drop}
    >
      <h2 tabIndex={-1}>Text</h2>
      <p>
        <b class="wrap">{printable(text.name, true)}</b>: {grouped(text.characters)} characters,{' '}
        {grouped(text.vocabSize)} different {text.tokens === text.characters ? '' : 'tokens'}
      </p>
      <Tokens head={text.head} />
      <p class="soft">{text.fits.sentence}</p>
      <OwnText />
    </section>
  );
}

function Tokens({ head }: { head: readonly string[] }) {
  return (
    <p class="tokens">
      {head.map((token, i) => (
        <Token key={i} text={token} />
      ))}
    </p>
  );
}

function Token({ text }: { text: string }) {
  if (text === '\n') {
    return (
      <>
        <span class="token space">{'\u23ce'}</span>
        <br />
      </>
    );
  }
  return <span class={`token ${kindOf(text)}`}>{printable(text, true).replaceAll(' ', '\u00b7')}</span>;
}

function OwnText() {
  const pasted = useSignal('');
  const ready = store.ready.value !== null;
  return (
    <Foldout name="text" title="Your own text" class="own">
      <p class="soft">It stays on this machine. Paste it, drop a file here, or pick one.</p>
      <textarea
        aria-label="Text to learn"
        dir="auto"
        rows={4}
        value={pasted.value}
        onInput={(event) => (pasted.value = event.currentTarget.value)}
      />
      <div class="buttons">
        <button
          type="button"
          class="primary"
          disabled={!ready || pasted.value.trim() === ''}
          onClick={() => learnText('pasted text', pasted.value)}
        >
          Learn it
        </button>
        <FilePicker
          label="Pick a file"
          accept=".txt,.md,.csv,.json,.html,text/*"
          disabled={!ready}
          onPick={([file]) => file && learnFile(file)}
        />
      </div>
    </Foldout>
  );
}

interface PickerProps {
  label: string;
  accept: string;
  disabled: boolean;
  multiple?: boolean;
  onPick(files: File[]): void;
}

/** A button that opens the browser's own picker. */
export function FilePicker({ label, accept, disabled, multiple = false, onPick }: PickerProps) {
  return (
    <label class={`button ${disabled ? 'disabled' : ''}`}>
      {label}
      <input
        type="file"
        class="unseen"
        accept={accept}
        multiple={multiple}
        disabled={disabled}
        onChange={({ currentTarget: input }) => {
          onPick([...(input.files ?? [])]);
          // The same file can be picked again.
          input.value = '';
        }}
      />
    </label>
  );
}

async function learnFile(file: File): Promise<void> {
  if (file.size > LARGEST) {
    const found = `${grouped(file.size / 1e6)} MB`;
    return refuse(`${file.name}: found ${found}, expected at most ${grouped(LARGEST / 1e6)} MB. Take a part of it.`);
  }
  const read = await file.arrayBuffer().catch(() => null);
  if (read === null) return refuse(`${file.name}: a folder, or a file that cannot be read. Pick a text file.`);
  try {
    learnText(file.name, fileText(file.name, new Uint8Array(read)));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    refuse(error.message);
  }
}

function learnText(name: string, text: string): void {
  closeSheets();
  if (draftSettings()) store.restart({ name, text });
}

function refuse(sentence: string): void {
  closeSheets();
  store.trouble.value = { sentence: printable(sentence, true), offers: [] };
}
