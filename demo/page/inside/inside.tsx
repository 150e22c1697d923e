// The inspector: what goes on inside the run, a tab each. Nothing is asked of the run while none is open.
import { useLayoutEffect } from 'preact/hooks';
import { grouped } from '../../../src/data/counted.ts';
import { later } from '../later.tsx';
import { store } from '../store.ts';
import { Tabs } from '../tabs.tsx';
import { type Inside, inside } from '../view.ts';

const TABS: readonly (readonly [name: Inside, title: string])[] = [
  ['tokens', 'Tokens and loss'],
  ['attention', 'Attention'],
  ['weights', 'Weights and gradients'],
  ['lens', 'Lens'],
  ['kernels', 'Kernels'],
];

const PARTS = {
  tokens: later(async () => (await import('./tokens.tsx')).Tokens, 'Tokens and loss'),
  attention: later(async () => (await import('./attention.tsx')).Attention, 'Attention'),
  weights: later(async () => (await import('./weights.tsx')).Weights, 'Weights and gradients'),
  lens: later(async () => (await import('./lens.tsx')).Lens, 'Lens'),
  kernels: later(async () => (await import('./kernels.tsx')).Kernels, 'Kernels'),
};

export function Inspector() {
  const open = inside.value;
  const Part = open && PARTS[open];
  // Before what opens next asks: it would be given back what is made for it.
  useLayoutEffect(() => (open ? () => store.send({ type: 'rest' }) : undefined), [open]);
  return (
    <section id="inside" aria-label="Inside the model" data-inside={open ?? undefined}>
      <h2>
        Look inside <span class="soft">at any time; the run stays as it is</span>
      </h2>
      <Tabs label="Inside the model" chosen={inside} tabs={TABS} closes panel="inside-panel" />
      {open && store.chosen.value !== null && (
        <p class="soft" data-past={store.chosen.value}>
          Of step {grouped(store.chosen.value)}, not of the newest: the run as it was there is trained again from the
          nearest kept step.{' '}
          <button type="button" class="plain" onClick={() => (store.chosen.value = null)}>
            Look at the newest
          </button>
        </p>
      )}
      <div id="inside-panel" role="tabpanel" aria-label="What is looked into">
        {Part && <Part key={open} />}
      </div>
    </section>
  );
}
