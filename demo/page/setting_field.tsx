// One setting: its name and default, the field, the mark that takes a change back, and the reason for its limit.
import { ranges } from '../link.ts';
import type { PageSettings } from '../protocol.ts';
import { recorded } from '../recorded.ts';
import { limitOf, type SettingName } from './setting_limits.ts';
import { store } from './store.ts';

interface Props {
  name: SettingName;
  label: string;
  settings: PageSettings;
  /** The form's problem is here. */
  wrong: boolean;
}

export function Field({ name, label, settings, wrong }: Props) {
  const ready = store.ready.value;
  const initial = (ready?.defaults ?? recorded.settings)[name];
  const range = (ready?.ranges ?? ranges)[name];
  const longestContext = (store.text.value ?? recorded.text).fits.longestContext;
  const { disabled, reason, range: span } = limitOf(name, { settings, range, longestContext });
  const value = settings[name];
  const set = (next: PageSettings[SettingName]) => {
    store.draft.value = { ...store.draft.value, [name]: next };
  };
  const id = `set-${name}`;
  const look = {
    id,
    value: String(value),
    // Not the attribute: what is disabled cannot be reached, and so not be asked why.
    'aria-disabled': disabled !== null,
    'aria-invalid': wrong,
    'aria-describedby': `${id}-default ${id}-limit${wrong ? ' settings-problem' : ''}`,
  };
  return (
    <div class={`field ${wrong ? 'wrong' : ''}`} data-limited={disabled ?? reason ?? undefined}>
      <span class="name">
        <label for={id}>{label}</label>
        <span id={`${id}-default`} class="soft">
          default {initial}
        </span>
      </span>
      {range.choices ? (
        <select {...look} onChange={(event) => set(event.currentTarget.value as PageSettings['schedule'])}>
          {range.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...look}
          class="mono"
          inputMode={range.whole ? 'numeric' : 'decimal'}
          readOnly={disabled !== null}
          onChange={({ currentTarget: box }) => {
            const number = Number(box.value);
            const none = box.value.trim() === '' || Number.isNaN(number);
            // What is no number stays as it was typed, and is told as a link's would be.
            set(none ? (box.value as PageSettings[SettingName]) : number);
          }}
        />
      )}
      <button
        type="button"
        class="reset"
        hidden={value === initial}
        aria-label={`${label}: back to ${initial}`}
        title={`back to ${initial}`}
        onClick={() => set(initial)}
      >
        {'\u21ba'}
      </button>
      <span id={`${id}-limit`} class="limit soft">
        <span class="why">{disabled ?? reason}</span>
        <span class="range">{span}</span>
      </span>
    </div>
  );
}
