// How numbers and values are written for people, the same in the terminal and in the report.
import { grouped } from '../data/counted.ts';
import { printable } from '../data/printable.ts';
import { mib } from '../runtime/buffers.ts';
import type { Json } from '../train/events.ts';

/** A loss: three decimals while they say something; "not a number" and "infinite" in words, for null from a JSON line too. */
export function lossText(loss: number | null | undefined): string {
  if (loss === undefined) return '-';
  if (loss === null || Number.isNaN(loss)) return 'not a number';
  if (!Number.isFinite(loss)) return 'infinite';
  return Math.abs(loss) < 100 ? loss.toFixed(3) : loss.toPrecision(4);
}

/** Any measured value in about `digits` digits: 0.00095, 1.2e-7, 3,050. */
export function shortNumber(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : 'infinite';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1000 && size < 1e9) return grouped(value);
  if (size < 1e-4 || size >= 1e9) return value.toExponential(digits - 1).replace(/\.?0+e/, 'e');
  return String(Number(value.toPrecision(digits)));
}

/** Bytes with a decimal unit: 3,100,000 -> "3.1 MB". */
export function byteText(bytes: number): string {
  if (!Number.isFinite(bytes)) return 'unknown';
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds as a clock: 125 -> "2:05", 3725 -> "1:02:05"; from 100 hours on in days: "632 days". */
export function clockText(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '-';
  const whole = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours >= 100) return `${grouped(hours / 24)} days`;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A value of the start event on one line: texts as they are, an object as "nLayer 2, nHead 2"; long ones cut. */
export function inWords(value: Json, limit = 160): string {
  const text =
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.entries(value)
          .filter(([, each]) => each === null || typeof each !== 'object')
          .map(([key, each]) => `${key} ${each}`)
          .join(', ')
      : Array.isArray(value)
        ? value.map((each) => inWords(each, limit)).join(', ')
        : String(value);
  const shown = [...printable(text, true)];
  return shown.length > limit ? `${shown.slice(0, limit).join('')}...` : shown.join('');
}

/** The sizes that people know a model by; the whole configuration is in the event. */
export function modelText(config: Json): string {
  const { nLayer, nHead, nEmbd, blockSize, vocabSize, ...others } = { ...(config as Record<string, Json>) };
  const { encoderLayers, decoderLayers } = others;
  const halves = typeof encoderLayers === 'number' && typeof decoderLayers === 'number';
  if (![halves ? 0 : nLayer, nHead, nEmbd, blockSize, vocabSize].every((n) => typeof n === 'number'))
    return inWords(config);
  const layers = halves ? `${encoderLayers} + ${decoderLayers} layers` : `${nLayer} layer${nLayer === 1 ? '' : 's'}`;
  const heads = `${nHead} head${nHead === 1 ? '' : 's'}`;
  return `${layers}, ${heads}, ${nEmbd} wide, context ${blockSize}, vocabulary ${vocabSize}`;
}

/** What a run learns from, in a line. */
export function dataText(dataset: Json): string {
  const { name, bytes, trainTokens, validationTokens, tokenizer, shards } = { ...(dataset as Record<string, Json>) };
  const { trainRows, validationRows, testRows } = { ...(dataset as Record<string, Json>) };
  if (typeof trainRows === 'number' && typeof validationRows === 'number') {
    const tests = typeof testRows === 'number' && testRows > 0 ? `, ${grouped(testRows)} to test` : '';
    return `${name}: ${grouped(trainRows)} rows to learn from, ${grouped(validationRows)} to validate on${tests} (${tokenizer})`;
  }
  if (typeof bytes !== 'number' || typeof trainTokens !== 'number' || typeof validationTokens !== 'number') {
    return inWords(dataset);
  }
  return `${name}, ${byteText(bytes)}: ${grouped(trainTokens)} tokens to learn from, ${grouped(validationTokens)} to validate on (${tokenizer})${sharesText(shards)}`;
}

/** Of several texts how much each is drawn from: "; windows: books 70 %, code 30 %"; of many only the number. */
function sharesText(shards: Json | undefined): string {
  if (!Array.isArray(shards)) return '';
  if (shards.length > 6) return `, ${shards.length} texts`;
  const share = ({ name, weight }: Record<string, Json>) => `${name} ${shortNumber(100 * Number(weight))} %`;
  return `; windows: ${(shards as Record<string, Json>[]).map(share).join(', ')}`;
}

/** `12 MiB`, below one `240 kB`: the sizes of small runs too can be told apart. */
export function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 1000)} kB` : mib(bytes);
}

/** Names that are no words. */
const METRICS: Readonly<Record<string, string>> = {
  bleu: 'BLEU',
  emaBleu: 'BLEU of averaged weights',
  chrf: 'chrF2',
  rougeL: 'ROUGE-L',
  emaRougeL: 'ROUGE-L of averaged weights',
  exact: 'exact match',
  emaExact: 'exact match of averaged weights',
};

/** `rewardMargin` -> "reward margin". */
export function metricName(name: string): string {
  return METRICS[name] ?? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** The first two of a task's figures, in words: "accuracy 0.962". */
export function metricsText(metrics: Readonly<Record<string, number>> = {}): string[] {
  return Object.entries(metrics)
    .slice(0, 2)
    .map(([name, value]) => `${metricName(name)} ${lossText(value)}`);
}
