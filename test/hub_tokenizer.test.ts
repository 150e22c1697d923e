// Tokenizers of other projects: ids worked out by hand and those of Hugging Face's libraries, text as it streams, and files that are broken.
import { readFileSync } from 'node:fs';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkVocabulary } from '../src/checkpoint/model_config.ts';
import { chunkEncoder } from '../src/data/chunks.ts';
import { Gpt2Tokenizer, loadTokenizer, promptIds, type Tokenizer, tokenizerFromFiles } from '../src/data/tokenizer.ts';
import { InputError } from '../src/errors.ts';
import { type HubJson, type HubName, hubFiles, hubJson } from './harness/hub_files.ts';
import { IDS, TEXTS } from './harness/hub_ids.ts';
import { testWith } from './harness/shared.ts';

const NAMES: readonly HubName[] = ['llama3', 'smollm2', 'qwen', 'tinyllama', 'metaspace'];
const open = (name: HubName, config: object = {}, change?: (json: HubJson) => void) =>
  tokenizerFromFiles(hubFiles(name, config, change));
const opened = new Map<HubName, Tokenizer>();
for (const name of NAMES) opened.set(name, await open(name));
const each = NAMES.map((name) => [name, opened.get(name)!] as const);

/** What text becomes: half surrogate pairs have no bytes. */
function wellFormed(text: string): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text));
}

/** Texts of what the kinds distinguish. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', '  ', '\n', '\n\n', '\r\n', '\t', '\u00a0\u00a0', '\u0085', '\ufeff', "'s", "'LL", "'ſ"),
      fc.constantFrom(
        'the',
        ' low',
        'lower',
        'Hello',
        'Once',
        'é',
        'e\u0301',
        '中文',
        '😀',
        '12345',
        '٣',
        '½',
        '.',
        '!!',
      ),
      fc.constantFrom(
        '<s>',
        '</s>',
        '<unk>',
        '<',
        's>',
        '<|eot_id|>',
        '<|im_end|>',
        '<|',
        'end',
        '<think>',
        '▁',
        '<0x0A>',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => wellFormed(parts.join('')));

function holds<T>(values: fc.Arbitrary<T>, statement: (value: T) => void, numRuns = 300): void {
  fc.assert(
    fc.property(values, (value) => {
      statement(value);
    }),
    { numRuns },
  );
}

const streamed = (tokenizer: Tokenizer, ids: readonly number[], before: readonly number[] = []) => {
  const decoder = tokenizer.decoder(before);
  return [...ids.map((id) => decoder.push(id)), decoder.end()];
};

describe('ids', () => {
  const words = (name: HubName) => {
    const json = hubJson(name);
    const tokenizer = opened.get(name)!;
    const named = new Map([
      ...Object.entries(json.model.vocab),
      ...json.added_tokens.map((t) => [t.content, t.id] as const),
    ]);
    const nameOf = new Map([...named].map(([token, id]) => [id, token]));
    return (text: string, allowSpecial = false) => tokenizer.encode(text, { allowSpecial }).map((id) => nameOf.get(id));
  };

  test('of Llama 3: up to three digits, contractions in any case, pieces that are tokens whole', () => {
    const tokens = words('llama3');
    // Pieces: "Hello", " the", " ", "123", "45", "'S", "!!\n". Of the last: ! ! first, for ! Ċ comes later.
    expect(tokens("Hello the 12345'S!!\n")).toEqual(['Hello', 'Ġthe', 'Ġ', '123', '45', "'S", '!!', 'Ċ']);
    // No piece "end" becomes the control token of that name.
    expect(tokens('end')).toEqual(['en', 'd']);
    expect(tokens('end<|eot_id|>', true)).toEqual(['end', '<|eot_id|>']);
  });

  test('of SmolLM2: each digit alone, contractions in lower case', () => {
    const tokens = words('smollm2');
    // Pieces: "it", "'s", " ", "1", "9"; then "IT", "'", "S".
    expect(tokens("it's 19")).toEqual(['it', "'s", 'Ġ', '1', '9']);
    expect(tokens("IT'S")).toEqual(['I', 'T', "'", 'S']);
    expect(tokens('<|im_end|>low', true)).toEqual(['<|im_end|>', 'low']);
  });

  test('of Qwen: composed characters', () => {
    const tokens = words('qwen');
    expect(tokens('e\u0301')).toEqual(['Ã©']);
    expect(tokens('19')).toEqual(['1', '9']);
    // White space that was added is text everywhere, a mark only where it is allowed.
    expect(tokens('a\u00a0\u00a0<think>')).toEqual(['a', '\u00a0\u00a0', '<', 't', 'h', 'in', 'k', '>']);
    expect(tokens('<think>', true)).toEqual(['<think>']);
  });

  test('of TinyLlama: a space before every part, bytes for characters that are no token', () => {
    const tokens = words('tinyllama');
    // In "▁lower" the merge "▁ low" comes before "low e".
    expect(tokens('Once the lower')).toEqual(['▁Once', '▁the', '▁low', 'e', 'r']);
    expect(tokens('😀\n')).toEqual(['▁', '<0xF0>', '<0x9F>', '<0x98>', '<0x80>', '<0x0A>']);
    expect(tokens('</s>the', true)).toEqual(['</s>', '▁the']);
    expect(words('metaspace')('the</s>the', true)).toEqual(['▁the', '</s>', 't', 'he']);
  });

  test.each(NAMES)('are those of the Python library: %s', (name) => {
    const tokenizer = opened.get(name)!;
    TEXTS.forEach((text, i) => {
      const ids = [...tokenizer.startIds!, ...tokenizer.encode(text, { allowSpecial: true })];
      expect([text, ids.join(' ')]).toEqual([text, IDS[name][i]]);
    });
  });

  test.each(each)('are those of the library on the whole file: %s', (name, tokenizer) => {
    const library = new LibraryTokenizer(hubJson(name), {});
    // Where its \s, \d and i flag are those of the Python library.
    const same = anyText.filter((t) => !/[\u0085\ufeffſ]|(?![0-9])\p{N}/u.test(t));
    holds(same, (text) =>
      expect([...tokenizer.startIds!, ...tokenizer.encode(text, { allowSpecial: true })]).toEqual(
        library.encode(text).ids,
      ),
    );
  });

  test.each(each)('of control tokens come only where they are allowed: %s', (_, tokenizer) => {
    const control = new Set(
      tokenizer.specialTokens!.map((token) => tokenizer.encode(token, { allowSpecial: true })[0]),
    );
    expect(control.size).toBe(tokenizer.specialTokens!.length);
    const atZero = (from: number) => from === 0;
    holds(anyText, (text) => {
      expect(tokenizer.encode(text).filter((id) => control.has(id))).toEqual([]);
      const [special] = tokenizer.specialTokens!;
      const ids = tokenizer.encode(special + text, { allowSpecial: atZero });
      expect(ids.filter((id) => control.has(id))).toEqual(tokenizer.encode(special!, { allowSpecial: true }));
    });
  });

  test.each(each)('of a text in chunks are those of the whole: %s', (_, tokenizer) => {
    holds(fc.tuple(anyText, fc.array(fc.nat(40), { maxLength: 4 })), ([text, cuts]) => {
      const characters = [...text];
      const ends = [...cuts.map((cut) => Math.min(cut, characters.length)), characters.length].sort((a, b) => a - b);
      for (const allowSpecial of [false, true]) {
        const encoder = chunkEncoder(tokenizer, { allowSpecial });
        const ids = ends.flatMap((end, i) => encoder.push(characters.slice(ends[i - 1] ?? 0, end).join('')));
        expect([...ids, ...encoder.end()]).toEqual(tokenizer.encode(text, { allowSpecial }));
      }
    });
  });

  test('of GPT-2, with a token before every text, are those of gpt-tokenizer', async () => {
    const gpt2 = await Gpt2Tokenizer.load();
    const json = JSON.parse(gpt2.files().get('tokenizer.json')!) as HubJson;
    const special_tokens = { '<|endoftext|>': { id: '<|endoftext|>', ids: [50256], tokens: ['<|endoftext|>'] } };
    const single = [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    json.post_processor = { type: 'TemplateProcessing', single, special_tokens };
    const tokenizer = await tokenizerFromFiles(new Map([['tokenizer.json', JSON.stringify(json)]]));
    expect(tokenizer).toMatchObject({ kind: 'huggingface', vocabSize: 50257, eosId: 50256, startIds: [50256] });
    for (const allowSpecial of [false, true])
      holds(anyText, (t) => expect(tokenizer.encode(t, { allowSpecial })).toEqual(gpt2.encode(t, { allowSpecial })));
    const ids = fc.array(fc.nat(50256), { maxLength: 30 });
    holds(ids, (list) => expect(tokenizer.decode(list)).toBe(gpt2.decode(list)));
  }, 60_000);
});

/** What is left of a text by encoding and decoding. */
const KEPT: Record<HubName, (text: string) => string> = {
  llama3: (text) => text,
  smollm2: (text) => text,
  qwen: (text) => text.normalize('NFC'),
  tinyllama: (text) => text.replaceAll('▁', ' '),
  // No space is put before a text that begins with one, but one is dropped.
  metaspace: (text) => text.replaceAll('▁', ' ').replace(/^ /, ''),
};

describe('text', () => {
  test.each(each)('streams as it is decoded, for any ids, and no character is split: %s', (name, tokenizer) => {
    holds(fc.array(fc.nat(tokenizer.vocabSize - 1), { maxLength: 30 }), (ids) =>
      expect(streamed(tokenizer, ids).join('')).toBe(tokenizer.decode(ids)),
    );
    holds(anyText, (text) => {
      const parts = streamed(tokenizer, tokenizer.encode(text));
      for (const part of parts) expect(part).toBe(wellFormed(part));
      expect(parts.join('')).toBe(KEPT[name](text));
    });
  });

  test('goes on from a prompt with its space, and begins without one', () => {
    const tokenizer = opened.get('tinyllama')!;
    const ids = tokenizer.encode('Once the low');
    expect(streamed(tokenizer, ids).join('')).toBe('Once the low');
    expect(streamed(tokenizer, ids.slice(1), ids.slice(0, 1)).join('')).toBe(' the low');
    expect(streamed(tokenizer, ids, tokenizer.startIds).join('')).toBe('Once the low');
    const bytes = tokenizer.encode('é😀').slice(-4);
    expect(streamed(tokenizer, bytes.slice(2), bytes.slice(0, 2)).join('')).toBe('😀');
    expect(tokenizer.decode(bytes.slice(0, 2))).toBe('\ufffd');
  });

  test.each(each)('of ids outside the vocabulary is refused: %s', (_, tokenizer) => {
    for (const id of [-1, 1.5, tokenizer.vocabSize]) {
      expect(() => tokenizer.decode([id])).toThrow(
        `decode: found id ${id}, expected a whole number from 0 to ${tokenizer.vocabSize - 1}.`,
      );
      expect(() => tokenizer.decoder([id])).toThrow(InputError);
      expect(() => tokenizer.decoder().push(id)).toThrow(InputError);
    }
  });
});

describe('files', () => {
  test.each(NAMES)('come back as they were read: %s', async (name) => {
    const files = new Map([...hubFiles(name), ['chat_template.jinja', '{{ messages }}\n']]);
    const read = await loadTokenizer(async (file) => files.get(file));
    expect(read.files()).toEqual(files);
    expect((await tokenizerFromFiles(read.files())).encode('the low')).toEqual(read.encode('the low'));
  });

  test('say what stands before a text and what ends it', async () => {
    const starts = async (name: HubName, config: object) => (await open(name, config)).startIds;
    expect(await starts('llama3', {})).toEqual([hubJson('llama3').added_tokens[0]!.id]);
    expect(await starts('tinyllama', {})).toEqual([1]);
    expect(await starts('tinyllama', { add_bos_token: false })).toEqual([]);
    expect(await starts('smollm2', { add_bos_token: true, bos_token: { content: '<|im_start|>' } })).toEqual([1]);
    expect(promptIds(await open('tinyllama'), 'the')).toEqual([1, ...opened.get('tinyllama')!.encode('the')]);
    expect(promptIds(await Gpt2Tokenizer.load(), 'the')).toEqual([1169]);
    expect((await open('tinyllama', { eos_token: '</s>' })).eosId).toBe(2);
    expect((await open('tinyllama')).eosId).toBe(null);
    expect((await open('smollm2')).eosId).toBe(0);
  });

  test('of a larger vocabulary than the model’s are refused, added tokens counted', () => {
    const { vocabSize } = opened.get('qwen')!;
    const { model, added_tokens } = hubJson('qwen');
    expect(vocabSize).toBe(Object.keys(model.vocab).length + added_tokens.length);
    checkVocabulary({ vocabSize }, vocabSize, 'config.json');
    expect(() => checkVocabulary({ vocabSize: vocabSize - 1 }, vocabSize, 'config.json')).toThrow(
      `config.json: vocab_size: found ${vocabSize - 1}, but the tokenizer has ${vocabSize} tokens.`,
    );
  });
});

describe('files that are refused', () => {
  const refused = async (name: HubName, change: (json: HubJson) => void, config: object = {}) => {
    const error = await open(name, config, change).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  };

  test('for a broken merge, with its number', async () => {
    const merge = (made: unknown) => refused('llama3', ({ model }) => void model.merges.push(made));
    const at = hubJson('llama3').model.merges.length + 1;
    expect(await merge('q z')).toBe(
      `tokenizer.json: model.merges: merge ${at}: found "qz", which is not in the vocabulary.`,
    );
    expect(await merge(['qq', 'z'])).toContain(`merge ${at}: found "qq", which is not in the vocabulary.`);
    expect(await merge('a b c')).toContain(`merge ${at}: found text "a b c" (3 parts), expected two tokens.`);
    expect(await merge(['Ġ', 't'])).toContain(`merge ${at}: found "Ġ t" again, expected each pair once.`);
    expect(await merge(7)).toContain(`merge ${at}: found 7 (1 parts), expected two tokens.`);
  });

  test('for patterns and rules that are not known, none of which is run', async () => {
    const started = performance.now();
    const foreign = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false };
    const text = await refused('llama3', (json) => void (json.pre_tokenizer = { ...foreign }));
    expect(text).toContain('tokenizer.json: pre_tokenizer: found {"type":"Split","pattern":{"Regex":"(a+)+$"}');
    expect(text).toContain('Patterns and rules from files are never run');
    const sequence = (steps: object[]) => (json: HubJson) =>
      void (json.pre_tokenizer = { type: 'Sequence', pretokenizers: steps });
    expect(await refused('smollm2', sequence([foreign, { type: 'ByteLevel' }]))).toContain('(a+)+$');
    expect(await refused('smollm2', sequence([{ type: 'Digits' }]))).toContain('expected ByteLevel last');
    expect(await refused('smollm2', sequence([{ type: 'ByteLevel', use_regex: false }]))).toContain(
      'expected a pattern',
    );
    expect(await refused('smollm2', sequence([{ type: 'ByteLevel', add_prefix_space: true }]))).toContain(
      'prefix space',
    );
    expect(await refused('qwen', (json) => void (json.normalizer = { type: 'Lowercase' }))).toContain(
      'normalizer: found {"type":"Lowercase"}, expected none, NFC, or spaces written as ▁.',
    );
    expect(await refused('qwen', (json) => void (json.decoder = { type: 'Fuse' }))).toContain('decoder: found');
    expect(await refused('tinyllama', (json) => void (json.decoder = { type: 'ByteLevel' }))).toContain(
      'decoder: found',
    );
    expect(await refused('metaspace', (json) => void ((json.pre_tokenizer as HubJson).split = true))).toContain(
      'expected Metaspace of ▁ with "split": false',
    );
    const roberta = { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0] };
    expect(await refused('qwen', (json) => void (json.post_processor = roberta))).toContain('RobertaProcessing');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('for tokens that the other file or the vocabulary lacks', async () => {
    const nothing = () => {};
    expect(await refused('tinyllama', nothing, { eos_token: '<|eot_id|>' })).toBe(
      'tokenizer_config.json: eos_token: found "<|eot_id|>", which is not among the 335 tokens of tokenizer.json. The two files are of different tokenizers.',
    );
    expect(await refused('tinyllama', nothing, { add_bos_token: true, bos_token: '<bos>' })).toContain(
      'tokenizer_config.json: bos_token: found text "<bos>", expected a token of tokenizer.json, since add_bos_token is true.',
    );
    const beyond = (json: HubJson) =>
      void ((json.post_processor as { special_tokens: Record<string, { ids: number[] }> }).special_tokens['<s>']!.ids =
        [335]);
    expect(await refused('tinyllama', beyond)).toContain(
      'post_processor: "<s>": found id 335, expected one from 0 to 334.',
    );
    expect(await refused('tinyllama', ({ model }) => void (model.byte_fallback = false))).toContain('byte_fallback');
    const without = ({ model: { vocab } }: HubJson) => {
      vocab.zz = vocab['<0x41>']!;
      delete vocab['<0x41>'];
    };
    expect(await refused('tinyllama', without)).toContain('model: found no "<0x41>", expected all 256 bytes.');
    expect(await refused('llama3', ({ added_tokens }) => void (added_tokens[0]!.rstrip = true))).toContain(
      'rstrip: found true',
    );
    expect(await refused('llama3', ({ added_tokens }) => void (added_tokens[0]!.id = 900))).toContain(
      'id 292 is missing',
    );
  });

  test('or read, whatever is changed in them, and never anything else', async () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>(
        null,
        true,
        false,
        '',
        '▁',
        'ByteLevel',
        'Sequence',
        'Metaspace',
        [],
        {},
        [[]],
        -1,
        1e300,
        2 ** 53,
      ),
      fc.jsonValue({ maxDepth: 3 }),
    );
    const change = fc.record({ steps: fc.array(fc.nat(400), { minLength: 1, maxLength: 6 }), how: fc.nat(3), value });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...NAMES),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        async (name, changes) => {
          const json = hubJson(name);
          for (const each of changes) mutate(json, each);
          const started = performance.now();
          const result = await tokenizerFromFiles(new Map([['tokenizer.json', JSON.stringify(json)]]))
            .then((tokenizer) => {
              const ids = promptIds(tokenizer, 'Hello the 12345 😀 <s>');
              return tokenizer.decode(ids) + tokenizer.decode(tokenizer.encode('a<|eot_id|>', { allowSpecial: true }));
            })
            .catch((error: unknown) => error);
          expect(typeof result === 'string' || result instanceof InputError ? '' : result).toBe('');
          expect(performance.now() - started).toBeLessThan(5000);
        },
      ),
      { numRuns: 400 },
    );
  }, 60_000);
});

/** Walks into a JSON tree and drops, replaces, repeats or renames what is there. */
function mutate(root: object, { steps, how, value }: { steps: number[]; how: number; value: unknown }): void {
  let at = root as Record<string, unknown>;
  for (const [depth, step] of steps.entries()) {
    const keys = Object.keys(at);
    if (keys.length === 0) return;
    const key = keys[step % keys.length]!;
    const inner = at[key];
    if (depth < steps.length - 1 && inner !== null && typeof inner === 'object') {
      at = inner as Record<string, unknown>;
      continue;
    }
    if (how === 0) delete at[key];
    else if (how === 1) at[key] = value;
    else if (how === 2) at[keys[(step + 1) % keys.length]!] = inner;
    else at[`${key}x`] = inner;
    return;
  }
}

const stories = '../shared/models/stories260K/hf';
testWith(stories, 'stories260K: its tokenizer, as the Python library has it', async () => {
  const tokenizer = await loadTokenizer(async (name) => {
    try {
      return readFileSync(`${stories}/${name}`, 'utf8');
    } catch {
      return undefined;
    }
  });
  expect(tokenizer).toMatchObject({ kind: 'huggingface', vocabSize: 512, eosId: 2, startIds: [1] });
  // Ids of the Python package tokenizers 0.23.2 with this file.
  const story = 'Once upon a time, there was a little girl named Lily.';
  const ids = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426];
  expect(promptIds(tokenizer, story)).toEqual(ids);
  const spaces = [
    410, 410, 259, 424, 414, 410, 262, 427, 412, 331, 419, 13, 412, 264, 410, 485, 410, 243, 162, 155, 131,
  ];
  expect(tokenizer.encode('  two  spaces\nand é 😀')).toEqual(spaces);
  expect([tokenizer.decode(ids.slice(1)), tokenizer.decode(spaces)]).toEqual([story, '  two  spaces\nand é 😀']);
});
