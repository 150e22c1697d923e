// config.json of an encoder-decoder: read, written so that nothing is lost, and refused one sentence a fault.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  ENCODER_DECODER,
  encoderDecoderConfigJson,
  parseEncoderDecoderConfig,
} from '../src/checkpoint/encoder_decoder_config.ts';
import { parseClassifierConfig, parseFolderConfig, parseModelConfig } from '../src/checkpoint/model_config.ts';
import { InputError } from '../src/errors.ts';
import { EncoderDecoder } from '../src/nn/encoder_decoder.ts';
import { parameterCount } from '../src/nn/model.ts';
import { encoderDecoderConfig, encoderDecoderParameterCount } from '../src/nn/transformer_config.ts';

const golden = readFileSync(new URL('golden/traces/encdec/config.json', import.meta.url), 'utf8');
const fields = JSON.parse(golden) as Record<string, unknown>;
const sizes = { vocabSize: 11, blockSize: 10, nEmbd: 8, nHead: 2, encoderLayers: 1, decoderLayers: 2 };
const ids = { padId: 0, bosId: 1, eosId: 2 };

test('the original transformer is read', () => {
  const notes: string[] = [];
  expect(parseEncoderDecoderConfig(golden, 'config.json', notes)).toEqual({
    family: ENCODER_DECODER,
    ...{ vocabSize: 20, sourceVocabSize: 20, blockSize: 1024, nEmbd: 32, nHead: 4, nInner: 64 },
    ...{ encoderLayers: 2, decoderLayers: 2, layerNormEps: 1e-5, activation: 'relu' },
    ...{ norm: 'post', positions: 'sinusoidal', embeddingScale: true, tie: 'all', ...ids },
  });
  expect(notes).toEqual([]);
});

describe('every way in which one may be built', () => {
  for (const tie of ['all', 'target', 'none'] as const)
    for (const norm of ['post', 'pre'] as const)
      for (const positions of ['sinusoidal', 'learned', 'rotary'] as const)
        test(`is written and read again, and counted: ${tie}, ${norm}, ${positions}`, () => {
          const sourceVocabSize = tie === 'all' ? 11 : 13;
          const config = encoderDecoderConfig({ ...sizes, ...ids, tie, norm, positions, sourceVocabSize, nInner: 5 });
          const changed = { ...config, embeddingScale: norm === 'post', activation: 'gelu' } as const;
          expect(parseEncoderDecoderConfig(encoderDecoderConfigJson(changed), 'config.json')).toEqual(changed);
          const model = new EncoderDecoder(config, { seed: 1 });
          expect(encoderDecoderParameterCount(config)).toBe(parameterCount(model));
        });
});

describe('is refused', () => {
  const json = (changes: Record<string, unknown>) => JSON.stringify({ ...fields, ...changes });
  const faults: [Record<string, unknown>, string][] = [
    [{ d_ff: 2e8 }, 'found a matrix of 200000000 by 32 numbers, expected at most 4294967295 in all. Correct the file.'],
    [{ d_model: 30 }, 'n_head: found 4, but d_model 30 is not divisible by 4. Use 3, 5 or 6.'],
    [{ d_model: 33, n_head: 3 }, 'd_model: found 33, expected an even number: sines and cosines come in pairs.'],
    [
      { d_model: 12, positions: 'rotary' },
      'n_head: found 4, expected heads of an even width, not 3: rotary positions turn pairs.',
    ],
    [{ n_head: 0 }, 'n_head: found 0, expected 1 or more.'],
    [{ n_decoder_layers: 20000 }, 'n_decoder_layers: found 20000, expected at most 10000.'],
    [{ norm: 'both' }, 'norm: found text "both", expected "post" or "pre". Correct the file.'],
    [{ positions: 'alibi' }, 'positions: found text "alibi", expected "sinusoidal", "learned" or "rotary".'],
    [{ positions: 'learned' }, 'max_position_embeddings is missing: learned positions have a table of that many rows.'],
    [{ embedding_scale: true }, 'embedding_scale: found true, expected "sqrt(d_model)" or null.'],
    [
      { tie: 'all' },
      'tie: found text "all", expected "source, target and output embeddings", "target and output embeddings"',
    ],
    [{ activation: 'tanh' }, 'activation: found text "tanh", expected one of gelu_new, gelu, relu,'],
    [{ source_vocab_size: 9 }, 'source_vocab_size: found 9, expected 20 as vocab_size, since all tables are one.'],
    [{ tie: null, source_vocab_size: 2 }, 'eos_token_id: found 2, outside 0..1'],
    [{ bos_token_id: 20 }, 'bos_token_id: found 20, outside 0..19 of vocab_size.'],
    [{ eos_token_id: null }, 'eos_token_id: found null, expected a whole number.'],
    [{ layer_norm_eps: 2 }, 'layer_norm_eps: found 2, expected a number from 1e-12 to 1.'],
    [{ vocab_size: 1e12 }, 'the weights alone would need 130 TB, expected at most 1 TB.'],
    [{ max_postion_embeddings: 9 }, 'found key "max_postion_embeddings", expected max_position_embeddings?'],
    [{ model_type: 'gpt2' }, 'found a model of type "gpt2", expected an encoder-decoder, which writes one text'],
  ];
  for (const [changes, message] of faults)
    test(JSON.stringify(changes), () => {
      const read = () => parseEncoderDecoderConfig(json(changes), 'here/config.json');
      expect(read).toThrow(InputError);
      expect(read).toThrow(`here/config.json: ${message}`);
    });

  for (const key of ['tie', 'embedding_scale', 'norm', 'd_ff', 'model_type', 'pad_token_id'])
    test(`without ${key}`, () => {
      expect(() => parseEncoderDecoderConfig(json({ [key]: undefined }), 'config.json')).toThrow(
        `config.json: ${key} is missing. Add it to the file.`,
      );
    });

  test('foreign keys are told of', () => {
    const notes: string[] = [];
    parseEncoderDecoderConfig(json({ colour: 'blue' }), 'config.json', notes);
    expect(notes).toEqual(['config.json: keys ignored: "colour"']);
  });

  test('where a language model or a classifier is asked for', () => {
    for (const parse of [parseFolderConfig, parseModelConfig, parseClassifierConfig])
      expect(() => parse(golden, 'config.json')).toThrow(
        'config.json: found an encoder-decoder, which writes one text from another, expected a language model or a classifier. Use it with translate, measure it with evaluate --task translate.',
      );
  });
});
