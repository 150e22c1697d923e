// The log: a line a step, as the command line prints them. The last lines are shown, or those around the cursor's step; all of them can be
// copied. Pointing at a line moves the cursor of the charts to its step.
import { useEffect, useRef } from 'preact/hooks';
import { CopyButton } from './copy.tsx';
import { nearestIndex } from './curve_frame.ts';
import { Foldout } from './foldout.tsx';
import type { LogLine } from './run_record.ts';
import { store } from './store.ts';

/** Steps that are shown. */
const SHOWN = 60;
/** Whoever has scrolled up further than this reads there, and is left there. Pixels. */
const NEAR_END = 40;

export function Log() {
  return (
    <Foldout id="log" name="log" title="Log">
      <Lines />
      <div class="buttons">
        <CopyButton label="Copy all" text={() => `${store.record.logText()}\n`} />
      </div>
    </Foldout>
  );
}

function Lines() {
  store.version.value;
  const at = store.cursor.value;
  const host = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  const pointed = useRef<LogLine[] | null>(null);
  // Below the pointer nothing moves.
  const lines = pointed.current ?? linesAround(at);
  const there = at === null ? undefined : lines.findLast((line) => line.step <= at)?.step;
  const marked = lines.findIndex((line) => line.step === there);
  useEffect(() => {
    const pre = host.current!;
    if (pointed.current) return;
    const line = pre.querySelector<HTMLElement>('[aria-current]');
    if (line) pre.scrollTop = line.offsetTop - pre.offsetTop - pre.clientHeight / 2;
    else if (atEnd.current) pre.scrollTop = pre.scrollHeight;
  });
  const scrolled = () => {
    const { scrollHeight, scrollTop, clientHeight } = host.current!;
    if (at === null) atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
  const point = ({ target }: Event) => {
    const step = (target as HTMLElement).closest<HTMLElement>('[data-line]')?.dataset.line;
    if (step === undefined) return;
    pointed.current = lines;
    store.hovered.value = Number(step);
  };
  const leave = () => {
    pointed.current = null;
    store.hovered.value = null;
  };
  // What is read aloud has its own pace elsewhere on the page: this is not read by itself.
  return (
    <pre
      ref={host}
      class="lines"
      role="log"
      aria-live="off"
      aria-label="Lines of the log"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard must reach it
      tabIndex={0}
      onScroll={scrolled}
      onPointerMove={point}
      onPointerLeave={leave}
    >
      {lines.map(({ step, text }, i) => (
        <span key={`${step} ${text}`} data-line={step} aria-current={i === marked ? 'step' : undefined}>
          {text}
        </span>
      ))}
    </pre>
  );
}

/** The last lines, or those around a step where one looks at one that is not among them. */
function linesAround(at: number | null): LogLine[] {
  const { record } = store;
  const { length } = record.steps;
  const last = Math.max(0, length - SHOWN);
  if (at === null || length === 0 || at >= record.steps[last]!) return record.log(last);
  const from = Math.max(0, Math.min(last, nearestIndex(record.steps, at) - SHOWN / 2));
  return record.log(from, from + SHOWN);
}
