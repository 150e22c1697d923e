// A square in the colour of a number, light or dark as the page is.
import { useEffect, useState } from 'preact/hooks';
import { onThemeChange } from '../theme.ts';
import { css, signed } from './signed.ts';

/** @param value -1 to 1 */
export function SignedBox({ value }: { value: number }) {
  return <i style={{ backgroundColor: css(signed(value, useDark())) }} />;
}

/** Whether the page is dark, now. */
export function useDark(): boolean {
  const dark = () => matchMedia('(prefers-color-scheme: dark)').matches;
  const [is, set] = useState(dark);
  useEffect(() => onThemeChange(() => set(dark())), []);
  return is;
}
