// The log: a line a step, as the command line prints them. The last lines are shown; all of them can be copied.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { CopyButton } from './copy.tsx';
import { store } from './store.ts';

const SHOWN = 60;
/** Whoever has scrolled up further than this reads there, and is left there. Pixels. */
const NEAR_END = 40;

export function Log() {
  const open = useSignal(false);
  return (
    <details id="log" onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>Log</summary>
      {open.value && (
        <>
          <Lines />
          <div class="buttons">
            <CopyButton label="Copy all" text={() => `${store.record.log().join('\n')}\n`} />
          </div>
        </>
      )}
    </details>
  );
}

function Lines() {
  store.version.value;
  const host = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (atEnd.current) host.current!.scrollTop = host.current!.scrollHeight;
  });
  const scrolled = () => {
    const { scrollHeight, scrollTop, clientHeight } = host.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
  // What is read aloud has its own pace elsewhere on the page: this is not read by itself.
  return (
    <pre
      ref={host}
      class="lines"
      role="log"
      aria-live="off"
      aria-label="Last lines of the log"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard must reach it
      tabIndex={0}
      onScroll={scrolled}
    >
      {store.record.log(SHOWN).join('\n')}
    </pre>
  );
}
