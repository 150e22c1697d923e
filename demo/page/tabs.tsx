// A row of tabs as browsers know it: one stop for the Tab key, arrows between them.
import type { Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

interface Props<T extends string> {
  label: string;
  /** The tab that is open; null where none is. */
  chosen: Signal<T> | Signal<T | null>;
  tabs: readonly (readonly [name: T, title: string])[];
  /** The open one closes by a second click. */
  closes?: boolean;
  /** Of what the tabs show. */
  panel: string;
}

export function Tabs<T extends string>({ label, chosen, tabs, closes = false, panel }: Props<T>) {
  const open = chosen.value;
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => bringIntoRow(row.current!), [open]);
  useEffect(() => {
    const seen = new ResizeObserver(() => bringIntoRow(row.current!));
    seen.observe(row.current!);
    return () => seen.disconnect();
  }, []);
  const choose = (name: T) => ((chosen as Signal<T | null>).value = closes && name === open ? null : name);
  const move = (event: KeyboardEvent, i: number) => {
    const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    (chosen as Signal<T | null>).value = tabs[next]![0];
    const row = (event.currentTarget as HTMLElement).parentElement!;
    (row.children[next] as HTMLElement).focus();
  };
  return (
    <div ref={row} class="tabs" role="tablist" aria-label={label}>
      {tabs.map(([name, title], i) => (
        <button
          key={name}
          id={`tab-${name}`}
          type="button"
          role="tab"
          aria-selected={name === open}
          aria-controls={panel}
          tabIndex={name === open || (open === null && i === 0) ? 0 : -1}
          onClick={() => choose(name)}
          onKeyDown={(event) => move(event, i)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** The open tab is seen also where the row is wider than its place; the page itself stays where it is. */
function bringIntoRow(row: HTMLElement): void {
  const tab = row.querySelector<HTMLElement>('[aria-selected="true"]');
  if (!tab) return;
  const [left, right] = [tab.offsetLeft - row.offsetLeft, tab.offsetLeft - row.offsetLeft + tab.offsetWidth];
  if (left < row.scrollLeft) row.scrollLeft = left;
  else if (right > row.scrollLeft + row.clientWidth) row.scrollLeft = right - row.clientWidth;
}
