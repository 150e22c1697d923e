// A place that files can be dropped on.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

interface Props {
  label: string;
  onDrop(items: DataTransfer): void;
  children: ComponentChildren;
}

export function DropZone({ label, onDrop, children }: Props) {
  const dragged = useSignal(false);
  return (
    <fieldset
      class={`drop ${dragged.value ? 'dragged' : ''}`}
      aria-label={label}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        dragged.value = true;
      }}
      onDragLeave={() => (dragged.value = false)}
      onDrop={(event) => {
        dragged.value = false;
        if (!event.dataTransfer?.files.length) return;
        event.preventDefault();
        onDrop(event.dataTransfer);
      }}
    >
      {children}
    </fieldset>
  );
}
