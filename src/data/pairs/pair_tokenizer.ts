// A vocabulary for both sides of pairs: one byte-level BPE, so that names and numbers are the same tokens in source and target, and the
// tables of both can be one (Sennrich et al. 2016, section 3.2: joint BPE).
import { BpeTokenizer } from '../bpe.ts';
import { PieceCounter } from '../bpe_count.ts';
import { mergesFor } from '../bpe_train.ts';

/**
 * The tokenizer that `tokenizer train` learns from the same texts. Few texts give fewer merges than there is room for: its `vocabSize`
 * says how many.
 * @param texts of both sides, each a document   @param special tokens of their own; `<|endoftext|>` among them ends documents
 * @throws InputError for a size without room for bytes and special tokens
 */
export function trainPairTokenizer(
  texts: Iterable<string>,
  vocabSize: number,
  special: readonly string[],
): BpeTokenizer {
  const counter = new PieceCounter(special);
  for (const text of texts) {
    counter.add(text);
    counter.endDocument();
  }
  return BpeTokenizer.fromMerges([...mergesFor(counter.counts, { vocabSize, special })], special);
}
