// What has been changed in the form and not begun yet.
import { grouped } from '../../src/data/counted.ts';
import { checkSettings, nameOf } from '../link.ts';
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

export interface Problem {
  /** The setting that cannot be as it is. */
  name: keyof PageSettings | undefined;
  sentence: string;
}

/** Why these settings cannot be: the same sentence that a link or the command line gets; null where they can. */
export function draftProblem(): Problem | null {
  const settings = draftSettings();
  if (!settings || !draftChanged()) return null;
  try {
    checkSettings(settings);
  } catch (error) {
    const sentence = (error as Error).message;
    return { name: nameOf(sentence.slice(0, sentence.indexOf(':'))), sentence };
  }
  const longest = store.text.value?.fits.longestContext ?? settings.context;
  if (settings.context <= longest) return null;
  const sentence = `context: found ${grouped(settings.context)}, expected at most ${grouped(longest)} for this text.`;
  return { name: 'context', sentence };
}
