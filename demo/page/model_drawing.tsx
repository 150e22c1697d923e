// The model, drawn: one box a module, from the tokens up to the guess, with shapes, bytes, its share of all weights, and of the time of a
// step once that was measured. Its tensors open in the inspector.
import { byteText } from '../../src/cli/format.ts';
import { printable } from '../../src/data/printable.ts';
import type { PartShare } from '../protocol/parts.ts';
import type { ModelPart } from '../protocol.ts';
import { recorded } from '../recorded.ts';
import { ChapterLines } from './chapters/chapter_lines.tsx';
import { openTensor } from './inside/looked_at.ts';
import { type ModelBox, modelTree } from './model_tree.ts';
import { showInside } from './show_inside.ts';
import { measureShares, measuring, msText, percentText, sharesProblem, stepShares } from './step_shares.ts';
import { store } from './store.ts';

export function ModelDrawing() {
  const { parts } = store.ready.value ?? recorded;
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const { vocabSize } = store.text.value ?? recorded.text;
  const classes = store.ready.value?.lesson?.prepared.classes.length;
  const groups = modelTree(parts);
  const shares = stepShares.value;
  const drawn = new Set(groups.flatMap(({ boxes }) => boxes.map(({ part }) => part)));
  return (
    <section aria-label="The model, drawn" data-parts={parts.length} data-measured={shares ? '' : undefined}>
      <h2 tabIndex={-1}>The model</h2>
      <StepTime />
      <p class="flow">tokens</p>
      {groups.map(({ title, boxes }) => (
        <div key={title + boxes[0]!.tensors[0]!.name} class={title ? 'block' : ''}>
          {title && <h3>{title}</h3>}
          {boxes.map((box) => (
            <Box key={box.tensors[0]!.name} box={box} all={all} />
          ))}
        </div>
      ))}
      <p class="flow">a guess among {classes ? `${classes} classes` : `${vocabSize} tokens`}</p>
      {shares && <Besides parts={shares.parts.filter(({ part }) => !drawn.has(part))} />}
      <ChapterLines />
    </section>
  );
}

function StepTime() {
  const shares = stepShares.value;
  if (shares)
    return (
      <p class="soft about">
        A step takes {msText(shares.stepMs)}. A part's share counts its kernels there and back, each timed alone.
      </p>
    );
  const twin = store.adapter.value?.twin != null;
  if (!store.ready.value || twin) return null;
  return (
    <>
      <button type="button" disabled={measuring.value} onClick={() => void measureShares()}>
        {measuring.value ? 'Measuring' : 'Measure a step'}
      </button>
      {sharesProblem.value && <p class="problem">{printable(sharesProblem.value, true)}</p>}
    </>
  );
}

function Box({ box: { title, about, tensors, bytes, part }, all }: { box: ModelBox; all: number }) {
  const ofWeights = bytes / all;
  const ofStep = part === null ? null : shareOf(part);
  return (
    <details class="box" data-part={tensors[0]!.name} data-share={ofStep ?? undefined}>
      <summary>
        <b>{title}</b> <span class="mono soft">{byteText(bytes)}</span>
        <span class="mono soft shapes">{shapesText(tensors)}</span>
        <Share share={ofWeights} of="all weights" />
        {ofStep !== null && <Share share={ofStep} of="a step" measured />}
      </summary>
      {about && <p class="soft">{about}</p>}
      <ul class="mono">
        {tensors.map(({ name, shape, bytes: size }) => (
          <li key={name}>
            <button type="button" class="text" onClick={() => openFrom(name)}>
              {printable(lastWords(name), true)}
            </button>{' '}
            <span class="soft">{`${shapeText(shape)}, ${byteText(size)}`}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What a step does beside the boxes: with the token table as its own head that has none, and the optimizer. */
function Besides({ parts }: { parts: readonly PartShare[] }) {
  return (
    <div class="box besides">
      <b>beside the boxes</b>
      <ul>
        {parts.map(({ part }) => (
          <li key={part} data-besides={part}>
            {BESIDES[part] ?? part}
            <Share share={shareOf(part)!} of="a step" measured />
          </li>
        ))}
      </ul>
    </div>
  );
}

const BESIDES: Readonly<Record<string, string>> = {
  head: 'head and loss',
  loss: 'sums of the loss',
  optimizer: 'optimizer',
};

function Share({ share, of, measured = false }: { share: number; of: string; measured?: boolean }) {
  return (
    <span class={measured ? 'share measured' : 'share'}>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect class="whole" width="100" height="4" />
        <rect class="part" width={Math.max(0.5, 100 * share)} height="4" />
      </svg>
      <span class="soft">{`${percentText(share)} of ${of}`}</span>
    </span>
  );
}

/** Of the time of all kernels of a step; null where it was not measured, or has none of its own. */
function shareOf(part: string): number | null {
  const shares = stepShares.value;
  const found = shares?.parts.find((each) => each.part === part);
  return shares && found ? found.ms / shares.sumMs : null;
}

function openFrom(name: string): void {
  openTensor(name);
  showInside('weights');
}

const shapeText = (shape: readonly number[]) => shape.join('\u00d7');

/** Of matrices where it has some: `32x96, 32x32`. */
function shapesText(tensors: readonly ModelPart[]): string {
  const matrices = tensors.filter(({ shape }) => shape.length > 1);
  return (matrices.length > 0 ? matrices : tensors).map(({ shape }) => shapeText(shape)).join(', ');
}

/** `transformer.h.0.attn.c_attn.weight` -> `c_attn.weight`. */
const lastWords = (name: string) => name.split('.').slice(-2).join('.');
