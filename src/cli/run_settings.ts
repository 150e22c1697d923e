// Settings of several runs beside each other: which differ, and how a value is written. Pure.
import type { Json } from '../train/events.ts';

export interface SettingsOfRun {
  readonly settings: { readonly [name: string]: Json };
  /** not all settings are known: one that is absent may have any value */
  readonly partial?: boolean;
}

/** Nested settings as "model.nLayer": value. */
export function flatSettings(settings: SettingsOfRun['settings']): Map<string, Json> {
  const flat = new Map<string, Json>();
  const add = (name: string, value: Json, depth: number) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && depth < 8) {
      for (const [key, each] of Object.entries(value)) add(name ? `${name}.${key}` : key, each, depth + 1);
      return;
    }
    flat.set(name, value);
  };
  add('', settings, 0);
  return flat;
}

/** A value as text: texts as they are, lists as JSON. */
export function settingText(value: Json | undefined): string {
  if (value === undefined) return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export interface SettingRow {
  readonly name: string;
  /** one a run; undefined where a run has none, or where it is not known */
  readonly values: readonly (Json | undefined)[];
  readonly differs: boolean;
}

/** A row a setting that any run has, in the order of the runs. What a partly known run leaves out is no difference. */
export function settingRows(runs: readonly SettingsOfRun[]): SettingRow[] {
  const flat = runs.map(({ settings }) => flatSettings(settings));
  const names = new Set(flat.flatMap((settings) => [...settings.keys()]));
  return [...names].map((name) => {
    const values = flat.map((settings) => settings.get(name));
    const known = values.filter((_, i) => flat[i]!.has(name) || !runs[i]!.partial);
    return { name, values, differs: new Set(known.map((value) => JSON.stringify(value))).size > 1 };
  });
}
