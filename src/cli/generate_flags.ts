// The flags of generate, and which of them go together.
import { InputError } from '../errors.ts';
import { adapterFlags } from './adapter.ts';
import { DTYPE_FLAG } from './dtype.ts';
import { camelCase, defineFlags, type FlagValues } from './flags.ts';
import { modelFlags } from './folders.ts';

export const generateFlags = defineFlags([
  ...modelFlags,
  ...adapterFlags,
  {
    name: 'prompt',
    type: 'text',
    placeholder: 'TEXT',
    mayBeEmpty: true,
    help: 'what to continue; default: standard input',
  },
  { name: 'prompt-ids', type: 'text', placeholder: '1,2,3', help: 'token ids as they are, nothing added' },
  {
    name: 'max-new-tokens',
    type: 'integer',
    min: 1,
    max: 1e6,
    default: 200,
    unit: 'tokens',
    help: 'at most this many',
  },
  {
    name: 'temperature',
    type: 'number',
    min: 0,
    max: 1000,
    default: 0.8,
    help: '0 takes the most probable token, larger is wilder',
  },
  { name: 'top-k', type: 'integer', min: 1, max: 1e7, help: 'only the k most probable tokens' },
  {
    name: 'top-p',
    type: 'number',
    above: 0,
    max: 1,
    help: 'only the most probable tokens that together have this probability',
  },
  { name: 'min-p', type: 'number', min: 0, max: 1, help: "only tokens with this share of the best one's probability" },
  {
    name: 'repetition-penalty',
    type: 'number',
    above: 0,
    max: 100,
    default: 1,
    help: 'above 1 avoids what is there already',
  },
  {
    name: 'beams',
    type: 'integer',
    min: 1,
    max: 256,
    help: 'the most probable whole text: so many are followed at once, and nothing is drawn',
  },
  {
    name: 'length-penalty',
    type: 'number',
    min: -100,
    max: 100,
    default: 1,
    help: 'with --beams: a score is divided by the length to this power; larger favours long texts',
  },
  { name: 'chat', type: 'boolean', help: "a conversation, in the model's own template; a line is a message" },
  { name: 'stop', type: 'text', multiple: true, placeholder: 'TEXT', help: 'ends before this text' },
  { ...DTYPE_FLAG, default: 'f32' },
  { name: 'logits', type: 'boolean', help: 'with --json: the ten likeliest first tokens with their logits' },
]);

export type GenerateFlags = FlagValues<typeof generateFlags>;

/** Flags that choose a token by chance, or one at a time. */
const SAMPLING = ['temperature', 'top-k', 'top-p', 'min-p', 'repetition-penalty', 'logits'];

/** @throws InputError for flags that exclude each other */
export function refuseTogether(given: ReadonlySet<string>): void {
  const has = (name: string) => given.has(camelCase(name));
  const pair = (one: string, other: string, why: string) => {
    if (has(one) && has(other)) throw new InputError(`--${other}: found together with --${one}, ${why}`);
  };
  pair('prompt', 'prompt-ids', 'expected one of the two.');
  for (const name of SAMPLING) pair('beams', name, 'which looks for the most probable text. Leave one of the two out.');
  for (const name of ['prompt', 'prompt-ids', 'beams', 'logits'])
    pair('chat', name, 'where every line of standard input is a message. Leave one of the two out.');
  if (has('length-penalty') && !has('beams'))
    throw new InputError('--length-penalty: found without --beams, expected together with it.');
}
