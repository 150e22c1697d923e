// The logit lens: what the model would guess to follow each token if it ended after each of its layers.
import { useSignal } from '@preact/signals';
import { grouped } from '../../../src/data/counted.ts';
import type { LensCell } from '../../protocol/lens.ts';
import type { Answered } from '../../protocol/questions.ts';
import { cividis } from '../cividis.ts';
import { ShareColours } from '../share_colours.tsx';
import { GuessList, probabilityText } from './guess_list.tsx';
import { LookedText, lookedText } from './looked_text.tsx';
import { SeenStep } from './seen_step.tsx';
import { tokenText } from './token_text.ts';
import { useAnswer } from './use_answer.ts';

/** From this lightness on letters are dark: where both have the same contrast. */
const LIGHT = 0.46;

/** A cell of the grid. */
interface Place {
  layer: number;
  token: number;
}

export function Lens() {
  const shown = useAnswer('lens', { text: lookedText.value });
  const { answer } = shown;
  return (
    <div class="inner">
      <LookedText />
      <SeenStep shown={shown}>
        {answer &&
          answer.of > answer.tokens.length &&
          `The first ${answer.tokens.length} of ${grouped(answer.of)} tokens.`}
      </SeenStep>
      {answer && <Grid key={lookedText.value} {...answer} />}
    </div>
  );
}

const layerName = (layer: number, last: number) =>
  layer === 0 ? 'embedding' : layer === last ? `layer ${layer}, the last` : `layer ${layer}`;

function Grid({ tokens: plain, layers }: Answered<'lens'>) {
  const chosen = useSignal<Place | null>(null);
  const tokens = plain.map(tokenText);
  const last = layers.length - 1;
  const key = (event: KeyboardEvent, { layer, token }: Place) => {
    const steps: Record<string, Place> = {
      ArrowLeft: { layer, token: token - 1 },
      ArrowRight: { layer, token: token + 1 },
      ArrowUp: { layer: layer - 1, token },
      ArrowDown: { layer: layer + 1, token },
      Home: { layer, token: 0 },
      End: { layer, token: tokens.length - 1 },
    };
    const to = steps[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const cell = layers[to.layer]?.[to.token];
    if (!cell) return;
    chosen.value = to;
    const grid = (event.currentTarget as HTMLElement).closest('tbody')!;
    grid.rows[to.layer]!.cells[to.token + 1]!.querySelector('button')!.focus();
  };
  const { layer: atLayer = last, token: atToken = 0 } = chosen.value ?? {};
  const open = chosen.value && layers[atLayer]?.[atToken];
  return (
    <div data-lens={layers.length}>
      <p class="soft">
        Across: the text. Down: its layers. Each cell is what the model would guess to come next if it ended there;
        underlined where that came.
      </p>
      <div class="scroll">
        <table class="lens mono">
          <caption class="unseen">What is guessed to follow each token, after each layer</caption>
          <thead>
            <tr>
              <th scope="row">behind</th>
              {tokens.map((token, t) => (
                <th key={t} scope="col">
                  {token}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layers.map((cells, layer) => (
              <tr key={layer}>
                <th scope="row">{layerName(layer, last)}</th>
                {cells.map((cell, token) => (
                  <td key={token}>
                    <button
                      type="button"
                      tabIndex={layer === atLayer && token === atToken ? 0 : -1}
                      aria-pressed={open ? layer === atLayer && token === atToken : false}
                      onClick={() => (chosen.value = { layer, token })}
                      onKeyDown={(event) => key(event, { layer, token })}
                      {...cellLook(cell, plain[token + 1])}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">came</th>
              {tokens.map((_, t) => (
                <td key={t}>{tokens[t + 1] ?? ''}</td>
              ))}
            </tr>
          </tfoot>
        </table>
      </div>
      <ShareColours what="Probability of the guess" />
      {open ? (
        <div class="one" data-cell={`${atLayer} ${atToken}`}>
          <p>
            Behind token {grouped(atToken + 1)}, <b class="mono">{tokens[atToken]}</b>, after {layerName(atLayer, last)}
            {open.came === null ? ':' : cameText(tokens[atToken + 1]!, open.came)}
          </p>
          <GuessList guesses={open.guesses} came={plain[atToken + 1] ?? null} />
        </div>
      ) : (
        <p class="soft">Choose a cell: here are then its likeliest guesses.</p>
      )}
    </div>
  );
}

const cameText = (token: string, probability: number) =>
  `: what came, ${token}, had ${probabilityText(probability)}. Likeliest:`;

/** @param came the token that follows in the text */
function cellLook({ guesses }: LensCell, came: string | undefined) {
  const { token, probability } = guesses[0]!;
  const lightness = Math.sqrt(probability);
  const text = tokenText(token);
  return {
    class: `${lightness > LIGHT ? 'light' : 'dark'} ${token === came ? 'right' : ''}`,
    style: { backgroundColor: cividis(lightness) },
    title: `${text} ${probabilityText(probability)}`,
    'data-guess': token,
    'data-probability': probability,
    children: (
      <>
        {text}
        <span class="unseen"> {probabilityText(probability)}</span>
      </>
    ),
  };
}
