// generate: text from a model, as it comes.
import { beamSearch } from '../generate/beam.ts';
import { ends, TokenGenerator } from '../generate/generate.ts';
import { StopText } from '../generate/stop_text.ts';
import type { Device } from '../runtime/device.ts';
import type { Precision } from '../tensor/tensor.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { dtypeOn } from './dtype.ts';
import { type LoadedModel, openModel } from './folders.ts';
import { chat } from './generate_chat.ts';
import { DecodeClock } from './generate_clock.ts';
import { type GenerateFlags, generateFlags, refuseTogether } from './generate_flags.ts';
import { promptOf } from './generate_prompt.ts';
import { modelFolder } from './model_place.ts';
import { deviceFor } from './open_device.ts';

/** What generation works with. */
export interface Generation extends LoadedModel {
  device: Device;
  dtype: Precision;
}

export const generate = defineCommand({
  name: 'generate',
  summary: 'continues a text with a trained model, or talks with it',
  flags: generateFlags,
  examples: [
    'generate --model runs/moby-1 --prompt "Call me "',
    'generate --model runs/moby-1 --prompt "The whale" --temperature 0',
    'generate --model runs/moby-1 --prompt "The whale" --beams 4',
    'generate --model some/chat-model --chat',
  ],
  stopsAtSignal: true,
  savesNothing: true,
  async run(context, given) {
    refuseTogether(context.given);
    const place = await modelFolder(given.model, context);
    const device = await deviceFor(context, given);
    try {
      const idsGoIn = given.promptIds !== undefined;
      const dtype = dtypeOn(device, given.dtype, context.out);
      const loaded = await openModel(device, place, { ...given, dtype }, context, idsGoIn);
      const parts: Generation = { ...loaded, device, dtype };
      if (given.chat) return await chat(context, given, parts);
      const { model, tokenizer } = parts;
      const ids = await promptOf(given.prompt, given.promptIds, tokenizer, model.vocabSize, context.signal);
      await (given.beams === undefined ? continued(context, given, parts, ids) : best(context, given, parts, ids));
      return 0;
    } finally {
      device.close();
    }
  },
});

/** Token after token, printed as they come. */
async function continued(
  { out, signal }: CommandContext,
  given: GenerateFlags & { seed: number },
  { device, model, tokenizer, eosIds, dtype }: Generation,
  promptIds: number[],
): Promise<void> {
  if (promptIds.length > model.blockSize)
    out.note(
      `prompt: found ${promptIds.length} tokens, the context holds ${model.blockSize}: the last ${model.blockSize} are seen.`,
    );
  const generator = new TokenGenerator(device, model, dtype);
  const decoder = tokenizer?.decoder(promptIds);
  const ids: number[] = [];
  let first: Float32Array | null = null;
  const text = new StopText(given.stop);
  const clock = new DecodeClock();
  for await (const { id, logits } of generator.generate(promptIds, { ...given, eosId: eosIds })) {
    first ??= logits;
    ids.push(id);
    clock.token();
    if (ends(id, eosIds)) break;
    const shown = text.push(decoder ? decoder.push(id) : '');
    out.stream(decoder ? shown : `${id} `);
    if (text.stopped || signal.requested || out.stdoutClosed) break;
  }
  if (!text.stopped) out.stream(text.end(decoder?.end() ?? ''));
  out.emit({
    text: decoder ? text.text : null,
    ids,
    promptIds,
    tokensPerSecond: clock.tokensPerSecond,
    ...(given.logits && first && { topLogits: top(first) }),
  });
  out.print();
  out.note(clock.line());
}

/** The best text of a beam search, printed when it is known. */
async function best(
  { out, signal }: CommandContext,
  given: GenerateFlags,
  { device, model, tokenizer, eosIds, dtype }: Generation,
  promptIds: number[],
): Promise<void> {
  const { beams = 1, maxNewTokens, lengthPenalty } = given;
  const clock = new DecodeClock();
  const stopped = () => {
    clock.token();
    return signal.requested;
  };
  const options = { beams, maxNewTokens, lengthPenalty, eosId: eosIds, dtype, stopped };
  const [found] = await beamSearch(device, model, promptIds, options);
  const ids = found?.ids ?? [];
  const text = new StopText(given.stop);
  const decoder = tokenizer?.decoder(promptIds);
  if (decoder) {
    for (const id of ids) if (!text.stopped && !ends(id, eosIds)) text.push(decoder.push(id));
    if (!text.stopped) text.end(decoder.end());
  }
  out.stream(decoder ? text.text : ids.join(' '));
  const { tokensPerSecond } = clock;
  out.emit({ text: decoder ? text.text : null, ids, promptIds, tokensPerSecond, score: found?.score });
  out.print();
}

function top(logits: Float32Array): [number, number][] {
  return Array.from(logits, (value, id): [number, number] => [id, value])
    .sort((a, b) => b[1] - a[1])
    .slice(0, 10);
}
