// A part of the page that is loaded when it is first shown: nothing of it belongs to a first visit.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

/** @param load the part's module @param title what it is called while it is on its way */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, title: string): ComponentType<P> {
  const loaded = signal<ComponentType<P> | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    asked = true;
    failed.value = false;
    load().then(
      (part) => (loaded.value = part),
      () => (failed.value = true),
    );
  };
  return function Later(props: P) {
    const Part = loaded.value;
    if (Part) return <Part {...props} />;
    if (!asked) ask();
    if (!failed.value) return <p class="soft">{title}: loading</p>;
    return (
      <p class="problem">
        {title} cannot be loaded.{' '}
        <button type="button" onClick={ask}>
          Try again
        </button>
      </p>
    );
  };
}
