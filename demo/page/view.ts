// How one looks at the run: the axis of the charts, what is open. It stands in the hash of the address, so that a link shows the same.
// What a hash says wrongly is left out and told, as with links of settings.
import { batch, signal } from '@preact/signals';
import { expectation, readValue } from '../../src/cli/flag_value.ts';
import type { FlagSpec } from '../../src/cli/flags.ts';
import { quoted } from '../../src/data/printable.ts';
import { InputError } from '../../src/errors.ts';

export const AXES = ['step', 'tokens', 'time'] as const;
export type Axis = (typeof AXES)[number];

/** What one does with a model, in the order in which language models are built. */
export const CHAPTERS = ['pretrain', 'load', 'classify', 'instruct', 'lora', 'dpo', 'chat', 'translate'] as const;
export type Chapter = (typeof CHAPTERS)[number];

/** What one looks at inside the run. */
export const INSIDES = ['tokens', 'attention', 'weights', 'lens', 'kernels'] as const;
export type Inside = (typeof INSIDES)[number];

/** What can be open. `settings` and `model` are sheets where the screen is narrow, and stand there anyway where it is not. */
const PANELS = ['settings', 'model', 'text', 'file', 'numbers', 'log', 'adapter', 'keys'] as const;
export type Panel = (typeof PANELS)[number];

export interface View {
  /** The step that is looked at; null for the newest. */
  step: number | null;
  x: Axis;
  logarithmic: boolean;
  chapter: Chapter;
  /** null: nothing is looked into. */
  inside: Inside | null;
  /** Of what is looked into, from 0. */
  layer: number;
  head: number;
  open: readonly Panel[];
}

/** A longer hash was not made here. Characters. */
const LONGEST = 300;

/** As a visitor finds it. */
export const PLAIN: View = {
  ...{ step: null, x: 'step', logarithmic: false, chapter: 'pretrain' },
  ...{ inside: null, layer: 0, head: 0, open: [] },
};

/** By key what may stand behind it. */
const KEYS = {
  step: { type: 'integer', min: 0, max: 1e9 },
  x: { type: 'choice', choices: AXES },
  y: { type: 'choice', choices: ['linear', 'log'] },
  tab: { type: 'choice', choices: CHAPTERS },
  inside: { type: 'choice', choices: INSIDES },
  layer: { type: 'integer', min: 0, max: 999 },
  head: { type: 'integer', min: 0, max: 999 },
  open: { type: 'choice', choices: PANELS },
} as const satisfies Record<string, Pick<FlagSpec, 'type' | 'min' | 'max' | 'choices'>>;

export const axis = signal<Axis>('step');
export const logarithmic = signal(false);
export const chapter = signal<Chapter>('pretrain');
export const inside = signal<Inside | null>(null);
export const layer = signal(0);
export const head = signal(0);
export const openPanels = signal<readonly Panel[]>([]);
/** What the hash said that was left out, a sentence each. */
export const viewNotes = signal<readonly string[]>([]);

/** Whether the screen is too narrow for columns; false until the page has been taken over from its drawing. */
export const narrow = signal(false);

/** One panel's being open, as a dialog or `<details>` takes it. */
export function panel(name: Panel): { value: boolean } {
  return {
    get value() {
      return openPanels.value.includes(name);
    },
    set value(open) {
      const others = openPanels.peek().filter((each) => each !== name);
      if (open !== openPanels.peek().includes(name)) openPanels.value = open ? [...others, name] : others;
    },
  };
}

/** Opens a panel that is a sheet where the screen is narrow. */
export function openSheet(name: 'settings' | 'model'): void {
  if (narrow.peek()) panel(name).value = true;
}

export function closeSheets(): void {
  openPanels.value = openPanels.peek().filter((name) => name !== 'settings' && name !== 'model');
}

export function setView(view: View): void {
  batch(() => {
    axis.value = view.x;
    logarithmic.value = view.logarithmic;
    chapter.value = view.chapter;
    inside.value = view.inside;
    layer.value = view.layer;
    head.value = view.head;
    openPanels.value = view.open;
  });
}

/** The view as it stands. @param step that is looked at; null for the newest */
export function presentView(step: number | null): View {
  return {
    ...{ step, x: axis.value, logarithmic: logarithmic.value, chapter: chapter.value },
    ...{ inside: inside.value, layer: layer.value, head: head.value, open: openPanels.value },
  };
}

/** Follows the width of the screen. A sheet that was open stands there again when it is narrow. */
export function watchWidth(): void {
  const query = matchMedia('(max-width: 719px)');
  const look = () => (narrow.value = query.matches);
  query.addEventListener('change', look);
  look();
}

/** `#step=30&x=tokens&y=log&open=log,numbers` there; the rest stays plain. Pure. */
export function readView(hash: string): { view: View; notes: string[] } {
  const text = hash.replace(/^#/, '');
  if (text.length > LONGEST)
    return { view: PLAIN, notes: [`#: found ${text.length} characters, expected at most ${LONGEST}; left out.`] };
  const notes: string[] = [];
  const found = new Map<string, (string | number)[]>();
  for (const [key, words] of new URLSearchParams(text)) {
    if (!Object.hasOwn(KEYS, key)) {
      notes.push(`${quoted(`#${key}`)}: not a view of this page; left out.`);
      continue;
    }
    const spec: FlagSpec = { name: key, help: '', ...KEYS[key as keyof typeof KEYS] };
    const values = (key === 'open' ? words.split(',') : [words]).flatMap((word) => {
      const value = wordOf(spec, word);
      if (value === null) notes.push(`#${key}: found ${quoted(word)}, expected ${expectation(spec)}; left out.`);
      return value === null ? [] : [value];
    });
    if (found.has(key)) notes.push(`#${key}: given twice; the first was taken.`);
    else if (values.length > 0) found.set(key, values);
  }
  const one = (key: string) => found.get(key)?.[0];
  const view: View = {
    step: (one('step') as number | undefined) ?? null,
    x: (one('x') as Axis | undefined) ?? 'step',
    logarithmic: one('y') === 'log',
    chapter: (one('tab') as Chapter | undefined) ?? 'pretrain',
    inside: (one('inside') as Inside | undefined) ?? null,
    layer: (one('layer') as number | undefined) ?? 0,
    head: (one('head') as number | undefined) ?? 0,
    open: [...new Set(found.get('open') as Panel[] | undefined)],
  };
  return { view, notes };
}

/** A view as a hash; nothing for the plain one. Pure. */
export function writeView({ step, x, logarithmic: log, open, ...view }: View): string {
  const parts = [
    step !== null && `step=${step}`,
    x !== 'step' && `x=${x}`,
    log && 'y=log',
    view.chapter !== 'pretrain' && `tab=${view.chapter}`,
    view.inside !== null && `inside=${view.inside}`,
    view.layer !== 0 && `layer=${view.layer}`,
    view.head !== 0 && `head=${view.head}`,
    open.length > 0 && `open=${PANELS.filter((name) => open.includes(name)).join(',')}`,
  ].filter(Boolean);
  return parts.length > 0 ? `#${parts.join('&')}` : '';
}

function wordOf(spec: FlagSpec, text: string): string | number | null {
  try {
    return readValue(spec, text);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
