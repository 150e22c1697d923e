// A panel beside the charts; where the screen is narrow, a sheet that is opened over them.
import type { ComponentChildren } from 'preact';
import { useModal } from './dialog.tsx';
import { narrow, panel } from './view.ts';

interface Props {
  name: 'settings' | 'model';
  label: string;
  children: ComponentChildren;
}

export function Side(props: Props) {
  if (narrow.value) return <Sheet {...props} />;
  return (
    <aside id={props.name} class="side" aria-label={props.label}>
      {props.children}
    </aside>
  );
}

function Sheet({ name, label, children }: Props) {
  const open = panel(name);
  return (
    <dialog {...useModal(open)} id={name} class="sheet" aria-label={label}>
      <div class="sheet-head">
        <b>{label}</b>
        <button type="button" onClick={() => (open.value = false)}>
          Close
        </button>
      </div>
      <div class="side">{children}</div>
    </dialog>
  );
}
