// The line at the top: the page's name, the adapter that computes, the link to this run, and the keys.
import { type Signal, useSignal } from '@preact/signals';
import { shortNumber } from '../../src/cli/format.ts';
import type { Sheet } from './app.tsx';
import { Dialog } from './dialog.tsx';
import { shortcuts } from './keys.ts';
import { sheetOpen } from './sheet.ts';
import { store } from './store.ts';

export function Header({ sheet }: { sheet: Signal<Sheet> }) {
  const toggle = (name: Exclude<Sheet, null>) => () => {
    sheet.value = sheet.value === name ? null : name;
    if (sheet.value) queueMicrotask(() => document.getElementById(name)?.querySelector<HTMLElement>('h2')?.focus());
  };
  return (
    <header>
      <h1>shaderformer</h1>
      <nav class="sheets" aria-label="Panels">
        <button
          type="button"
          aria-expanded={sheet.value === 'settings'}
          aria-controls="settings"
          onClick={toggle('settings')}
        >
          Text and settings
        </button>
        <button type="button" aria-expanded={sheet.value === 'model'} aria-controls="model" onClick={toggle('model')}>
          Model
        </button>
      </nav>
      <AdapterChip />
      <CopyLink />
      <Keys />
    </header>
  );
}

function AdapterChip() {
  const open = useSignal(false);
  const adapter = store.adapter.value;
  if (!adapter) return <span class="chip soft">looking for a graphics adapter</span>;
  const { name, software, gflops, twin, lines } = adapter;
  const speed = gflops === null ? '' : `, ${shortNumber(gflops, 2)} GFLOP/s`;
  const kind = twin !== null ? ', no WebGPU' : software ? ' (software)' : '';
  return (
    <>
      <button
        type="button"
        class="chip"
        data-adapter={name}
        data-twin={twin !== null}
        onClick={() => (open.value = true)}
      >
        {name + kind + speed}
      </button>
      <Dialog open={open} title={name}>
        {twin !== null && <p>{twin}</p>}
        <ul class="mono wrap">
          {lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </Dialog>
    </>
  );
}

function CopyLink() {
  const copied = useSignal('');
  const ready = store.ready.value;
  const copy = async () => {
    const address = new URL(ready!.link, location.href.replace(/[?#].*$/, '')).href;
    try {
      await navigator.clipboard.writeText(address);
      copied.value = 'copied';
    } catch {
      // Where the clipboard is not given, the address bar holds what can be copied.
      history.replaceState(null, '', ready!.link);
      copied.value = 'now in the address bar';
    }
    setTimeout(() => (copied.value = ''), 3000);
  };
  return (
    <button type="button" class="plain" disabled={!ready} data-link={ready?.link} onClick={copy}>
      {copied.value ? `Link ${copied.value}` : 'Copy link'}
    </button>
  );
}

function Keys() {
  return (
    <>
      <button type="button" class="plain" aria-label="Keys" onClick={() => (sheetOpen.value = true)}>
        ?
      </button>
      <Dialog open={sheetOpen} title="Keys">
        <dl class="keys">
          {shortcuts.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </Dialog>
    </>
  );
}
