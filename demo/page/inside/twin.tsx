// The same as a table, for those who read rather than look. It is made when it is open.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

export function Twin({ title = 'As a table', children }: { title?: string; children: () => ComponentChildren }) {
  const open = useSignal(false);
  return (
    <details class="twin" open={open.value} onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>{title}</summary>
      {open.value && <div class="scroll">{children()}</div>}
    </details>
  );
}
