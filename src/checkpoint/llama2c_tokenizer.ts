// The tokenizer beside a llama2.c model: the length of the longest piece, then a score and a text for every id. Its texts and scores
// are those of a SentencePiece BPE, and become the tokenizer.json that LlamaTokenizerFast reads.
// Source: https://github.com/karpathy/llama2.c, tokenizer.py, `export`; the order of merges is that of transformers'
// convert_slow_tokenizer.py, `generate_merges`.

import { InputError } from '../errors.ts';
import { quoted } from './json.ts';

/** What SentencePiece writes for a space. */
const SPACE = '\u2581';
/** Ids 0, 1 and 2: unknown, the beginning and the end of a text. */
const LLAMA_SPECIAL = ['<unk>', '<s>', '</s>'] as const;

export interface Llama2cPiece {
  readonly text: string;
  readonly score: number;
}

/**
 * Reads the pieces by id.
 * @param vocabSize the model's   @throws InputError for a file that does not hold exactly so many
 */
export function parseLlama2cTokenizer(bytes: Uint8Array, vocabSize: number, where: string): Llama2cPiece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const advice = `expected the ${vocabSize} tokens of the model. Take the tokenizer that came with it.`;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const pieces: Llama2cPiece[] = [];
  const seen = new Set<string>();
  let at = 4;
  while (pieces.length < vocabSize) {
    const length = at + 8 <= bytes.length ? view.getInt32(at + 4, true) : -1;
    if (length < 0 || at + 8 + length > bytes.length)
      throw new InputError(`${where}: token ${pieces.length} is not whole at byte ${at} of ${bytes.length}, ${advice}`);
    const score = view.getFloat32(at, true);
    const text = pieceText(bytes.subarray(at + 8, at + 8 + length), pieces.length, decoder);
    if (text === null || text === '' || seen.has(text) || !Number.isFinite(score)) {
      const what =
        text === null
          ? 'not UTF-8'
          : text === ''
            ? 'empty'
            : seen.has(text)
              ? `${quoted(text)} again`
              : `of score ${score}`;
      throw new InputError(
        `${where}: token ${pieces.length} is ${what}, expected texts that differ. Take another file.`,
      );
    }
    seen.add(text);
    pieces.push({ text, score });
    at += 8 + length;
  }
  if (at < bytes.length)
    throw new InputError(`${where}: holds ${bytes.length - at} bytes after token ${pieces.length - 1}, ${advice}`);
  return pieces;
}

function pieceText(bytes: Uint8Array, id: number, decoder: TextDecoder): string | null {
  try {
    const text = decoder.decode(bytes);
    // The file shows special tokens on lines of their own.
    const special = LLAMA_SPECIAL[id];
    return special !== undefined && text.trim() === special ? special : text.replaceAll(' ', SPACE);
  } catch {
    return null;
  }
}

/** tokenizer.json and tokenizer_config.json. `context` tokens are the longest text. */
export function llama2cTokenizerFiles(pieces: readonly Llama2cPiece[], context: number): Map<string, string> {
  const special = LLAMA_SPECIAL.filter((text, id) => pieces[id]?.text === text);
  const whole = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const [, bos, eos] = LLAMA_SPECIAL;
  const begin = { SpecialToken: { id: bos, type_id: 0 } };
  const text = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  const replace = (pattern: string, content: string) => ({ type: 'Replace', pattern: { String: pattern }, content });
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({ id: LLAMA_SPECIAL.indexOf(content), content, ...whole })),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, replace(' ', SPACE)] },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [begin, text('A', 0)],
      pair: [begin, text('A', 0), { SpecialToken: { id: bos, type_id: 1 } }, text('B', 1)],
      special_tokens: { [bos]: { id: bos, ids: [1], tokens: [bos] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        replace(SPACE, ' '),
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: LLAMA_SPECIAL[0],
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece.text, id])),
      merges: mergesOf(pieces).map((pair) => pair.join(' ')),
    },
  };
  const config = {
    tokenizer_class: 'LlamaTokenizerFast',
    bos_token: bos,
    eos_token: eos,
    unk_token: LLAMA_SPECIAL[0],
    add_bos_token: true,
    add_eos_token: false,
    legacy: true,
    model_max_length: context,
    clean_up_tokenization_spaces: false,
  };
  return new Map([
    ['tokenizer.json', `${JSON.stringify(tokenizer, null, 1)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 1)}\n`],
  ]);
}

/** Every way to put a piece together of two others, best scores first: SentencePiece merges by the score of what comes out. */
function mergesOf(pieces: readonly Llama2cPiece[]): [string, string][] {
  const ids = new Map(pieces.map(({ text }, id) => [text, id]));
  const found: { pair: [string, string]; score: number }[] = [];
  for (const { text, score } of pieces) {
    const characters = [...text];
    const own: [string, string][] = [];
    for (let cut = 1; cut < characters.length; cut++) {
      const pair: [string, string] = [characters.slice(0, cut).join(''), characters.slice(cut).join('')];
      if (pair.every((part) => ids.has(part))) own.push(pair);
    }
    own.sort(([a], [b]) => ids.get(a)! - ids.get(b)!);
    for (const pair of own) found.push({ pair, score });
  }
  return found.sort((a, b) => b.score - a.score).map(({ pair }) => pair);
}
