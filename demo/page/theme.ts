// Colours for canvases, read from the page's style so that light and dark are said in one place.

const NAMES = [
  ...(['ink', 'soft', 'edge', 'grid', 'paper', 'train', 'validation', 'rate', 'norm', 'ghost', 'bad'] as const),
  ...(['run1', 'run2', 'run3', 'run4'] as const),
] as const;
export type Theme = Record<(typeof NAMES)[number], string>;

export const MONO = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Theme;
}

/** Pixels of a tenth of a rem: what the style calls a pixel, where letters are larger. */
export function unit(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 10;
}

/** Calls back when the system changes between light and dark. @returns a function that ends it */
export function onThemeChange(changed: () => void): () => void {
  const query = matchMedia('(prefers-color-scheme: dark)');
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}
