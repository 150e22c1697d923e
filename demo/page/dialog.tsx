// A dialog of the browser's own: it holds the focus inside, and Escape closes it.
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  open: Signal<boolean>;
  title: string;
  /** Buttons of its own; without them there is one that closes. */
  buttons?: ComponentChildren;
  children?: ComponentChildren;
}

export function Dialog({ open, title, buttons, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const shown = open.value;
  useEffect(() => {
    const element = dialog.current!;
    if (shown && !element.open) element.showModal();
    if (!shown && element.open) element.close();
  }, [shown]);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={() => (open.value = false)}>
      {shown && (
        <>
          <h2 id={id}>{title}</h2>
          {children}
          <div class="buttons">
            {buttons ?? (
              <button type="button" onClick={() => (open.value = false)}>
                Close
              </button>
            )}
          </div>
        </>
      )}
    </dialog>
  );
}
