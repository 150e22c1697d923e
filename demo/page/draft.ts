// What has been changed in the form and not begun yet.
import { checkSettings } from '../link.ts';
import type { PageSettings } from '../protocol.ts';
import { store } from './store.ts';

/** The form's settings: the run's, with the changes. */
export function draftSettings(): PageSettings | undefined {
  const { settings } = store.ready.value ?? {};
  return settings && { ...settings, ...store.draft.value };
}

export function draftChanged(): boolean {
  const { settings } = store.ready.value ?? {};
  const draft = store.draft.value;
  return (
    settings !== undefined &&
    (Object.keys(draft) as (keyof PageSettings)[]).some((name) => draft[name] !== settings[name])
  );
}

/** Why these settings cannot be: the same sentence that a link or the command line gets; null where they can. */
export function draftProblem(): string | null {
  const settings = draftSettings();
  if (!settings || !draftChanged()) return null;
  try {
    checkSettings(settings);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
