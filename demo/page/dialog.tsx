// A dialog of the browser's own: it holds the focus inside, Escape closes it, and the focus goes back to where it was.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  open: { value: boolean };
  title: string;
  /** Buttons of its own; without them there is one that closes. */
  buttons?: ComponentChildren;
  children?: ComponentChildren;
}

/** What a `<dialog>` needs to be open while a signal says so. */
export function useModal(open: { value: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const shown = open.value;
  useEffect(() => {
    const element = ref.current!;
    if (shown && !element.open) element.showModal();
    if (!shown && element.open) element.close();
  }, [shown]);
  return { ref, onClose: () => void (open.value = false) };
}

export function Dialog({ open, title, buttons, children }: Props) {
  const id = useId();
  const modal = useModal(open);
  return (
    <dialog {...modal} aria-labelledby={id}>
      {open.value && (
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
