// A text as the model sees it: each token tinted by how much it surprised the model.
import { useSignal } from '@preact/signals';
import { lossText } from '../../../src/cli/format.ts';
import { grouped } from '../../../src/data/counted.ts';
import type { LookedToken } from '../../protocol/tokens.ts';
import { GuessList, probabilityText } from './guess_list.tsx';
import { LookedText, lookedText } from './looked_text.tsx';
import { SeenStep } from './seen_step.tsx';
import { TokenRow, TokenSteps } from './token_row.tsx';
import { tokenText } from './token_text.ts';
import { Twin } from './twin.tsx';
import { useAnswer } from './use_answer.ts';

/** Losses from here on have the strongest tint. Nats. */
const MOST = 8;
const BAR = [0, 1, 2, 3, 4, 5, 6, 7, MOST];

const share = (loss: number) => String(Math.min(1, Math.max(0, loss / MOST)));

export function Tokens() {
  const shown = useAnswer('tokens', { text: lookedText.value });
  const chosen = useSignal<ReadonlySet<number>>(new Set());
  const { answer } = shown;
  const tokens = answer?.tokens ?? [];
  const [at = -1] = chosen.value;
  const look = (i: number) => {
    const { text, loss } = tokens[i]!;
    return loss === null
      ? { class: 'first', title: `${tokenText(text)}: nothing stands before it` }
      : { style: { '--share': share(loss) }, title: `${tokenText(text)}: loss ${lossText(loss)}` };
  };
  const choose = (next: ReadonlySet<number>) => (chosen.value = next);
  return (
    <div class="inner" data-loss={answer?.loss} data-count={tokens.length}>
      <LookedText />
      <SeenStep shown={shown}>
        Mean loss <b class="mono">{lossText(answer?.loss)}</b> nats a token, of {grouped(tokens.length - 1)}.
      </SeenStep>
      {answer && (
        <>
          <TokenRow
            label="Tokens of the text"
            tokens={tokens.map(({ text }) => tokenText(text))}
            {...{ chosen: chosen.value, choose, look }}
          />
          <ul class="scale mono" aria-label="Tint by loss, in nats">
            {BAR.map((loss) => (
              <li key={loss}>
                <i class="unit" style={{ '--share': share(loss) }} /> {loss === MOST ? `${loss} nats or more` : loss}
              </li>
            ))}
          </ul>
          <TokenSteps count={tokens.length} chosen={chosen.value} choose={choose} />
          {tokens[at] ? (
            <OneToken token={tokens[at]} at={at} of={tokens.length} />
          ) : (
            <p class="soft">Choose a token: here is then what the model would rather have said.</p>
          )}
          <Twin>{() => <Table tokens={tokens} />}</Twin>
        </>
      )}
    </div>
  );
}

function OneToken({ token: { text, loss, guesses }, at, of }: { token: LookedToken; at: number; of: number }) {
  const place = `Token ${grouped(at + 1)} of ${grouped(of)}`;
  if (loss === null) return <p data-token={at}>{place}: the first. Nothing stands before it to guess it from.</p>;
  return (
    <div class="one" data-token={at} data-loss={loss}>
      <p>
        {place}, <b class="mono">{tokenText(text)}</b>: loss <b class="mono">{lossText(loss)}</b> nats, the model gave
        it <b class="mono">{probabilityText(Math.exp(-loss))}</b>. It found likeliest:
      </p>
      <GuessList guesses={guesses} came={text} />
    </div>
  );
}

function Table({ tokens }: { tokens: readonly LookedToken[] }) {
  return (
    <table>
      <thead>
        <tr>
          {['', 'token', 'loss, nats', 'probability', 'likeliest', 'its probability'].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {tokens.map(({ text, loss, guesses: [best] }, i) => (
          <tr key={i}>
            <td>{i + 1}</td>
            <th scope="row">{tokenText(text)}</th>
            <td data-token-loss={loss ?? undefined}>{lossText(loss ?? undefined)}</td>
            <td>{loss === null ? '-' : probabilityText(Math.exp(-loss))}</td>
            <td>{best ? tokenText(best.token) : '-'}</td>
            <td>{best ? probabilityText(best.probability) : '-'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
