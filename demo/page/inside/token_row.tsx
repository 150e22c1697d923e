// The tokens of a text, to choose from: by click, by the arrow keys, several with shift.

interface Props {
  label: string;
  tokens: readonly string[];
  chosen: ReadonlySet<number>;
  choose(chosen: ReadonlySet<number>): void;
  /** Whether several can be chosen. */
  several?: boolean;
  /** How each looks, and what is said of it beside its text. */
  look?(i: number): { style?: Readonly<Record<string, string>>; class?: string; title?: string };
}

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

export function TokenRow({ label, tokens, chosen, choose, several = false, look }: Props) {
  const last = tokens.length - 1;
  const stop = Math.min(last, [...chosen].at(-1) ?? 0);
  /** One more, or one fewer, where shift is held; otherwise this one alone, or none if it was alone. */
  const click = (i: number, more: boolean) => {
    if (!several || !more) return choose(chosen.size === 1 && chosen.has(i) ? new Set() : new Set([i]));
    const others = new Set(chosen);
    if (!others.delete(i)) others.add(i);
    choose(others);
  };
  const key = (event: KeyboardEvent, i: number) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' || event.key === ' ') click(i, event.shiftKey);
    else if (event.key === 'Escape' && chosen.size > 0) choose(new Set());
    else {
      const to = { Home: 0, End: last }[event.key] ?? (event.key in STEPS ? i + STEPS[event.key]! : null);
      if (to === null) return;
      const next = Math.min(last, Math.max(0, to));
      choose(
        several && event.shiftKey ? new Set([...chosen].filter((each) => each !== next).concat(next)) : new Set([next]),
      );
      ((event.currentTarget as HTMLElement).parentElement!.children[next] as HTMLElement).focus();
    }
    event.preventDefault();
  };
  return (
    <div class="token-row mono" role="listbox" aria-label={label} aria-multiselectable={several}>
      {tokens.map((token, i) => {
        const { class: own = '', ...rest } = look?.(i) ?? {};
        return (
          <span
            key={i}
            role="option"
            class={`unit ${own}`}
            aria-selected={chosen.has(i)}
            tabIndex={i === stop ? 0 : -1}
            onClick={(event) => click(i, event.shiftKey)}
            onKeyDown={(event) => key(event, i)}
            {...rest}
          >
            {token}
          </span>
        );
      })}
    </div>
  );
}

interface StepProps {
  count: number;
  chosen: ReadonlySet<number>;
  choose(chosen: ReadonlySet<number>): void;
}

/** The same for a finger: tokens are too small for one. */
export function TokenSteps({ count, chosen, choose }: StepProps) {
  const at = [...chosen].at(-1);
  const go = (to: number) => choose(new Set([Math.min(count - 1, Math.max(0, to))]));
  return (
    <div class="buttons">
      <button type="button" disabled={at === 0} onClick={() => go((at ?? count) - 1)}>
        Token before
      </button>
      <button type="button" disabled={at === count - 1} onClick={() => go((at ?? -1) + 1)}>
        Token after
      </button>
      <button type="button" disabled={chosen.size === 0} onClick={() => choose(new Set())}>
        Choose none
      </button>
    </div>
  );
}
