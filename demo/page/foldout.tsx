// What opens by a click on its line, remembered in the address.
import type { ComponentChildren } from 'preact';
import { type Panel, panel } from './view.ts';

interface Props {
  name: Panel;
  title: string;
  children: ComponentChildren;
  class?: string;
  id?: string;
}

/** Its inside is made when it is open: nothing that is closed is drawn. */
export function Foldout({ name, title, children, ...look }: Props) {
  const open = panel(name);
  return (
    <details {...look} open={open.value} onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>{title}</summary>
      {open.value && children}
    </details>
  );
}
