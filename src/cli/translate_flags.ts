// The flags of translate.
import { InputError } from '../errors.ts';
import { DTYPE_FLAG } from './dtype.ts';
import { defineFlags, type FlagValues } from './flags.ts';
import { modelFlags } from './folders.ts';

export const translateFlags = defineFlags([
  ...modelFlags,
  {
    name: 'data',
    type: 'text',
    placeholder: 'FILE',
    example: 'texts.txt',
    help: 'texts: a line each, a column of .tsv or .csv, or a field of .jsonl; default: lines of standard input. A blank text stays blank',
  },
  {
    name: 'text-column',
    type: 'text',
    placeholder: 'NAME',
    example: 'text',
    help: 'with --data: column or field that holds the text; default: text',
  },
  {
    name: 'beams',
    type: 'integer',
    min: 1,
    max: 256,
    help: 'translations followed at once, of which the most probable is taken; 1 takes the most probable token each time; default: 4, at a terminal 1, whose tokens are shown as they come',
  },
  {
    name: 'length-penalty',
    type: 'number',
    min: -100,
    max: 100,
    default: 1,
    help: 'a score is divided by the length to this power; larger favours long texts',
  },
  {
    name: 'max-new-tokens',
    type: 'integer',
    min: 1,
    max: 1e6,
    unit: 'tokens',
    help: 'at most this many; default: twice as many as the source has, and 16',
  },
  { name: 'alignment', type: 'boolean', help: 'at which tokens of the source each token of the translation looked' },
  {
    name: 'alignment-head',
    type: 'text',
    placeholder: 'LAYER.HEAD',
    example: '0.3',
    help: 'that of one head, both counted from 0; default: the mean over all',
  },
  { ...DTYPE_FLAG, default: 'f32' },
]);

export type TranslateFlags = FlagValues<typeof translateFlags>;

/** A head of the model's looks at the source. */
export interface HeadChoice {
  layer: number;
  head: number;
}

/** null: the mean over all. @throws InputError for a head that the model does not have */
export function headChoice(
  text: string | undefined,
  { decoderLayers, nHead }: { decoderLayers: number; nHead: number },
): HeadChoice | null {
  if (text === undefined) return null;
  const [, layer, head] = /^(\d{1,4})\.(\d{1,4})$/.exec(text) ?? [];
  if (layer !== undefined && Number(layer) < decoderLayers && Number(head) < nHead)
    return { layer: Number(layer), head: Number(head) };
  throw new InputError(
    `--alignment-head: found ${JSON.stringify(text.slice(0, 40))}, expected LAYER.HEAD with a layer from 0 to ${decoderLayers - 1} and a head from 0 to ${nHead - 1}.`,
  );
}
