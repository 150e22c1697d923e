// The byte tokenizer: every UTF-8 byte is a token. 256 ids, any text in any language, nothing to build.
import { BYTE_TO_CHAR, decodeBytes, streamBytes, unknownId } from './byte_level.ts';
import type { StreamingDecoder, Tokenizer } from './tokenizer.ts';
import { huggingFaceFiles } from './tokenizer_save.ts';

export class ByteTokenizer implements Tokenizer {
  readonly kind = 'byte';
  readonly vocabSize = 256;
  readonly eosId = null;

  encode(text: string): number[] {
    return Array.from(new TextEncoder().encode(text));
  }

  decode(ids: Iterable<number>): string {
    return decodeBytes(ids, bytesOf);
  }

  decoder(before?: Iterable<number>): StreamingDecoder {
    return streamBytes(bytesOf, before);
  }

  /** A byte-level BPE without merges. Ids are the byte values, which is not the order that GPT-2 gives its first 256. */
  files(): Map<string, string> {
    return huggingFaceFiles({ kind: 'byte', tokens: BYTE_TO_CHAR, merges: [] });
  }
}

const SINGLE = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

function bytesOf(id: number): Uint8Array {
  const bytes = SINGLE[id];
  if (!bytes) throw unknownId(id, 256);
  return bytes;
}
