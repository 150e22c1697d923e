// How the tokens of a text look at each other: any layer and head, as a map and as lines.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { grouped } from '../../../src/data/counted.ts';
import type { Answered } from '../../protocol/questions.ts';
import { ShareColours } from '../share_colours.tsx';
import { head, layer, narrow } from '../view.ts';
import { AttentionLines } from './attention_lines.tsx';
import { AttentionTable } from './attention_table.tsx';
import { LookedText, lookedText } from './looked_text.tsx';
import { MapPicture } from './map_picture.tsx';
import { SeenStep } from './seen_step.tsx';
import { TokenSteps } from './token_row.tsx';
import { tokenText } from './token_text.ts';
import { Twin } from './twin.tsx';
import { useAnswer } from './use_answer.ts';

/** Tokens that the sentence of a chosen one names. */
const NAMED = 3;
/** Rows that are told of in words. */
const TOLD = 4;
/** Width of a map, of one of its cells at least, and of one beside which tokens can be read. Tenths of a rem. */
const [WIDEST, NARROW, CELL, READABLE] = [390, 300, 4, 9];

export function Attention() {
  const shown = useAnswer('attention', { text: lookedText.value, layer: layer.value });
  const { answer } = shown;
  // What an address names and the model does not have becomes its last one, in the address too.
  useEffect(() => {
    if (!answer || answer.layer !== Math.min(layer.value, answer.layers - 1)) return;
    layer.value = answer.layer;
    head.value = Math.min(head.value, answer.heads.length - 1);
  }, [answer]);
  return (
    <div class="inner">
      <LookedText />
      <SeenStep shown={shown}>
        {answer &&
          answer.of > answer.tokens.length &&
          `The first ${answer.tokens.length} of ${grouped(answer.of)} tokens.`}
      </SeenStep>
      {answer && <Maps key={lookedText.value} {...answer} />}
    </div>
  );
}

function Maps({ tokens: plain, layers, layer: shownLayer, heads }: Answered<'attention'>) {
  const chosen = useSignal<ReadonlySet<number>>(new Set());
  const pointed = useSignal<{ row: number; column: number } | null>(null);
  const tokens = plain.map(tokenText);
  const T = tokens.length;
  const at = Math.min(head.value, heads.length - 1);
  const weights = heads[at]!;
  const choose = (next: ReadonlySet<number>) => (chosen.value = next);
  const cell = Math.max(CELL, Math.min(16, Math.floor((narrow.value ? NARROW : WIDEST) / T)));
  return (
    <div data-attention={`${shownLayer} ${at}`} data-tokens={T}>
      <div class="head">
        <label class="switch">
          layer{' '}
          <select value={layer.value} onChange={(event) => (layer.value = Number(event.currentTarget.value))}>
            {Array.from({ length: layers }, (_, i) => (
              <option key={i} value={i}>
                {i + 1} of {layers}
              </option>
            ))}
          </select>
        </label>
        <span class="soft">The lighter, the more a token looks there.</span>
      </div>
      <fieldset class="heads">
        <legend class="unseen">Heads of this layer</legend>
        {heads.map((each, h) => (
          <button key={h} type="button" aria-pressed={h === at} onClick={() => (head.value = h)}>
            <MapPicture weights={each} size={T} />
            head {h + 1}
          </button>
        ))}
      </fieldset>
      <TokenSteps count={T} chosen={chosen.value} choose={choose} />
      <p class="soft mono" data-looked>
        {lookedAt(tokens, weights, chosen.value, pointed.value)}
      </p>
      <div class="views">
        <div class="scroll">
          <div
            class={`matrix mono ${cell >= READABLE ? 'named' : ''}`}
            style={{ '--cell': `${cell / 10}rem`, '--size': T }}
          >
            <span />
            <Names tokens={tokens} />
            <Names tokens={tokens} />
            <div class="held">
              <MapPicture
                {...{ weights, size: T }}
                label={`Layer ${shownLayer + 1}, head ${at + 1}: what each of ${T} tokens looks at. The same as a table below.`}
                point={(place) => (pointed.value = place)}
                click={(row, more) => choose(more ? new Set([...chosen.value, row]) : new Set([row]))}
              />
              {[...chosen.value].map((i) => (
                <i key={i} style={{ '--at': i }} />
              ))}
            </div>
          </div>
          <ShareColours what="Share of attention" empty="empty: not seen" />
        </div>
        <div class="scroll">
          <AttentionLines {...{ tokens, weights, chosen: chosen.value, choose }} />
        </div>
      </div>
      <Twin>{() => <AttentionTable {...{ tokens, weights, chosen: chosen.value }} />}</Twin>
    </div>
  );
}

/** Beside a map; the table has them for those who cannot see it. */
function Names({ tokens }: { tokens: readonly string[] }) {
  return (
    <div class="names" aria-hidden="true">
      {tokens.map((token, i) => (
        <span key={i} class={[...token].length === 1 ? 'short' : ''}>
          {token}
        </span>
      ))}
    </div>
  );
}

type Place = { row: number; column: number } | null;

/** What the pointer is on, else what the chosen tokens look at most. */
function lookedAt(tokens: readonly string[], weights: Float32Array, chosen: ReadonlySet<number>, point: Place): string {
  const T = tokens.length;
  const name = (i: number) => `${i + 1} ${tokens[i]}`;
  if (point && point.row < T && point.column < T) {
    const weight = weights[point.row * T + point.column]!;
    return `${name(point.row)} looks at ${name(point.column)}: ${weight.toFixed(3)}`;
  }
  const rows = [...chosen].filter((i) => i < T);
  if (rows.length === 0) return 'Choose tokens on the left of the lines, several with shift.';
  const sentences = rows.slice(0, TOLD).map((i) => {
    const row = [...weights.subarray(i * T, (i + 1) * T)].map((weight, j) => ({ weight, j }));
    const most = row.sort((a, b) => b.weight - a.weight).slice(0, Math.min(NAMED, i + 1));
    return `${name(i)} looks most at ${most.map(({ weight, j }) => `${name(j)} ${weight.toFixed(2)}`).join(', ')}.`;
  });
  return sentences.join(' ') + (rows.length > TOLD ? ` And ${rows.length - TOLD} more.` : '');
}
