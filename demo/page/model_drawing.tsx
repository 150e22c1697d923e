// The model, drawn: one box a module, from the tokens up to the guess, with shapes, bytes and its share of all weights.
import { byteText } from '../../src/cli/format.ts';
import { printable } from '../../src/cli/printable.ts';
import { recorded } from '../recorded.ts';
import { type ModelBox, modelTree } from './model_tree.ts';
import { store } from './store.ts';

export function ModelDrawing() {
  const { parts } = store.ready.value ?? recorded;
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const { vocabSize } = store.text.value ?? recorded.text;
  return (
    <section aria-label="The model, drawn" data-parts={parts.length}>
      <h2 tabIndex={-1}>The model</h2>
      <p class="flow">tokens</p>
      {modelTree(parts).map(({ title, boxes }) => (
        <div key={title + boxes[0]!.tensors[0]!.name} class={title ? 'block' : ''}>
          {title && <h3>{title}</h3>}
          {boxes.map((box) => (
            <Box key={box.tensors[0]!.name} box={box} all={all} />
          ))}
        </div>
      ))}
      <p class="flow">a guess among {vocabSize} tokens</p>
      <p class="soft about">
        Text becomes numbers, attention lets each token look back, and the loss says how surprised the model is by what
        really follows: {'\u2212'}ln of the probability it gave. Each step moves every weight a little against its
        gradient.
      </p>
    </section>
  );
}

function Box({ box: { title, about, tensors, bytes }, all }: { box: ModelBox; all: number }) {
  const share = bytes / all;
  return (
    <details class="box" data-part={tensors[0]!.name}>
      <summary>
        <b>{title}</b> <span class="mono soft">{byteText(bytes)}</span>
        <svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={shareText(share)}>
          <rect class="whole" width="100" height="4" />
          <rect class="part" width={Math.max(0.5, 100 * share)} height="4" />
        </svg>
      </summary>
      {about && <p class="soft">{about}</p>}
      <ul class="mono">
        {tensors.map(({ name, shape, bytes: size }) => (
          <li key={name}>
            {printable(lastWords(name), true)} <span class="soft">{`${shape.join('\u00d7')}, ${byteText(size)}`}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

const shareText = (share: number) => `${share < 0.01 ? 'under 1' : Math.round(100 * share)} % of all weights`;

/** `transformer.h.0.attn.c_attn.weight` -> `c_attn.weight`. */
const lastWords = (name: string) => name.split('.').slice(-2).join('.');
