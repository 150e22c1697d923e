// The line at the top: the page's name, the adapter that computes, the link to this run, and the keys.
import { shortNumber } from '../../src/cli/format.ts';
import { viewText } from './address.ts';
import { ChapterTabs } from './chapters/chapters.tsx';
import { useCopy } from './copy.tsx';
import { Dialog } from './dialog.tsx';
import { shortcuts } from './keys.ts';
import { store } from './store.ts';
import { openSheet, panel } from './view.ts';

export function Header() {
  return (
    <header>
      <h1>shaderformer</h1>
      <ChapterTabs />
      <nav class="sheets" aria-label="Panels">
        <button type="button" aria-haspopup="dialog" onClick={() => openSheet('settings')}>
          Text and settings
        </button>
        <button type="button" aria-haspopup="dialog" onClick={() => openSheet('model')}>
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
  const open = panel('adapter');
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
  const ready = store.ready.value;
  const address = () => new URL(ready!.link + viewText(store.chosen.peek()), location.href.replace(/[?#].*$/, '')).href;
  // The address bar holds what can be copied.
  const { said, copy } = useCopy(address, (text) => {
    history.replaceState(null, '', text);
    return 'now in the address bar';
  });
  return (
    <button type="button" class="plain" disabled={!ready} data-link={ready?.link} onClick={copy}>
      {said ? `Link ${said}` : 'Copy link'}
    </button>
  );
}

function Keys() {
  const open = panel('keys');
  return (
    <>
      <button type="button" class="plain" aria-label="Keys" onClick={() => (open.value = true)}>
        ?
      </button>
      <Dialog open={open} title="Keys">
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
