// predict: the class of texts, and how probable each is, as a classifier says; or what may stand where they have a [MASK].

import { grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import { InputError, StoppedError } from '../errors.ts';
import { likeliestLabel, NO_LABEL } from '../tasks/classify.ts';
import { classifyRows, labelledIds } from '../tasks/classify_rows.ts';
import { ClassScorer } from '../train/class_scores.ts';
import { adapterFlags } from './adapter.ts';
import { fillsMasks, openClassifier, openFiller } from './classifier_folder.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { DTYPE_FLAG, dtypeOn } from './dtype.ts';
import { defineFlags } from './flags.ts';
import { modelFlags } from './folders.ts';
import { modelFolder } from './model_place.ts';
import { deviceFor } from './open_device.ts';
import type { Output } from './output.ts';
import { fillMasks } from './predict_masks.ts';
import { fileTexts, streamTexts } from './predict_texts.ts';

const flags = defineFlags([
  ...modelFlags,
  ...adapterFlags,
  {
    name: 'data',
    type: 'text',
    placeholder: 'FILE',
    example: 'texts.tsv',
    help: 'texts: a column of .tsv or .csv, a field of .jsonl, else a line each; default: lines of standard input. A blank text gets no label; with an encoder each has a [MASK]',
  },
  {
    name: 'text-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'with --data: column or field that holds the text; default: text',
  },
  { ...DTYPE_FLAG, default: 'f32' },
]);

export const predict = defineCommand({
  name: 'predict',
  summary: 'tells the class of texts, or what stands at [MASK] in them, with a model that finetune has trained',
  flags,
  examples: [
    'predict --model runs/spam-1 --data messages.tsv',
    'predict --model runs/spam-1 --json < messages.txt',
    'predict --model runs/moby-mask-1 --json < masked.txt',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, given) {
    if (given.textColumn !== undefined && given.data === undefined)
      throw new InputError('--text-column: found without --data, expected them together.');
    if (given.data === undefined && process.stdin.isTTY) context.out.note('predict: a line is a text; Ctrl-D ends');
    const place = await modelFolder(given.model, context);
    const fills = await fillsMasks(place, given, context);
    const device = await deviceFor(context, given);
    try {
      const dtype = dtypeOn(device, given.dtype, context.out);
      const where = given.data ?? 'standard input';
      const texts =
        given.data === undefined ? streamTexts(process.stdin, context.signal) : fileTexts(given.data, given.textColumn);
      if (fills) {
        const filling = await openFiller(device, place, given, context);
        await fillMasks(context, device, filling, texts, where, dtype).finally(() => {
          if (given.data === undefined) process.stdin.destroy();
        });
        return 0;
      }
      const { model, tokenizer } = await openClassifier(device, place, given, context);
      const scorer = new ClassScorer(device, model, dtype);
      let [asked, cut] = [0, 0];
      try {
        for await (const some of texts) {
          const asking = some.filter(({ text }) => !isBlank(text)).map((each) => ({ ...each, label: NO_LABEL }));
          const rows = classifyRows(labelledIds(asking, tokenizer, where), model, { where });
          const scores = await scorer.scores(rows, () => refuseStopped(context));
          let scored = 0;
          for (const { text } of some)
            answer(context.out, model.labels, text, isBlank(text) ? null : scores[scored++]!);
          asked += some.length;
          cut += rows.cut;
          if (context.out.stdoutClosed) break;
        }
      } finally {
        scorer.release();
        if (given.data === undefined) process.stdin.destroy();
      }
      refuseStopped(context);
      if (cut > 0)
        context.out.note(
          `${grouped(cut)} of ${grouped(asked)} texts are longer than the ${model.width ?? model.blockSize} tokens that the classifier sees: their beginnings are read`,
        );
      return 0;
    } finally {
      device.close();
    }
  },
});

function refuseStopped({ signal }: CommandContext): void {
  if (signal.requested) throw new StoppedError();
}

const isBlank = (text: string) => !/\S/.test(text);

/** Share of the width that labels may take. */
const LABEL_SHARE = 3;

/** One text's answer, as a JSON object or a line. */
function answer(out: Output, labels: readonly string[], text: string, scores: readonly number[] | null): void {
  const label = scores && labels[likeliestLabel(scores)]!;
  const shares = scores?.map((score) => Math.exp(score)) ?? null;
  out.emit({ text, label, probabilities: shares && Object.fromEntries(labels.map((name, i) => [name, shares[i]])) });
  if (out.json) return;
  const most = Math.floor(out.width / LABEL_SHARE);
  const width = Math.min(most, Math.max(...labels.map((name) => [...printable(name, true)].length)));
  const share = shares ? `${(100 * Math.max(...shares)).toFixed(1)} %` : '-';
  const begin = `${fitted(label ?? '-', width).padEnd(width)}  ${share.padStart(7)}  `;
  out.print(begin + fitted(text, Math.max(10, out.width - begin.length)));
}

/** On one line, in so many characters. */
function fitted(text: string, width: number): string {
  const characters = [...printable(text, true)];
  return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : characters.join('');
}
