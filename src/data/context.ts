// Whether a text is long enough for windows of a context.
import { InputError } from '../errors.ts';

interface Lengths {
  readonly name: string;
  readonly trainLength: number;
}

/**
 * @throws InputError if the train or the validation part, or a shard's train part, is shorter than one context and its last target
 */
export function requireContext(
  corpus: Lengths & { readonly validationLength: number; readonly shards?: readonly Lengths[] },
  blockSize: number,
): void {
  const { trainLength, validationLength, shards = [] } = corpus;
  const parts = [
    { name: corpus.name, part: 'train', length: trainLength },
    { name: corpus.name, part: 'validation', length: validationLength },
    ...(shards.length > 1 ? shards : []).map((shard) => ({
      name: shard.name,
      part: 'train',
      length: shard.trainLength,
    })),
  ];
  const least = parts.reduce((a, b) => (b.length < a.length ? b : a));
  if (least.length > blockSize) return;
  const advice = least.length >= 2 ? `Use --context ${least.length - 1}, or a longer text.` : 'Use a longer text.';
  throw new InputError(
    `${least.name}: found ${least.length} tokens in the ${least.part} part, expected at least ${blockSize + 1} for a context of ${blockSize}. ${advice}`,
  );
}
