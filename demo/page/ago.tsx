// "(2 s ago)", counted on by itself.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { agoText } from './ago_text.ts';

/** @param at milliseconds since 1970 */
export function Ago({ at }: { at: number }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) now.value = Date.now();
    }, 1000);
    return () => clearInterval(timer);
  }, [now]);
  return <span class="soft">({agoText(Math.max(0, now.value - at) / 1000)})</span>;
}
