// Timings of several programs side by side: the JSON lines that bench and the peers' harnesses print, as one table of ratios.

import { quoted } from '../../data/printable.ts';
import { InputError } from '../../errors.ts';
import { WORKLOADS } from './workloads.ts';

/** One line of a benchmark, of whichever program. */
export interface BenchLine {
  peer: string;
  version?: string;
  adapter: string;
  workload: string;
  config: string;
  median_ms: number;
  /** The four first losses of a training workload: programs whose losses differ computed something else. */
  loss?: readonly number[];
  gpu_peak_mb?: number;
  waiting?: string;
  when?: string;
}

const OURS = 'shaderformer';
/** Losses of one workload agree to this much, else a row is no comparison. */
const SAME_LOSS = 1e-3;

/**
 * The lines of a file, one JSON object each; other lines are passed over, as harnesses print those too.
 * @throws InputError naming the line that begins as an object and is none, or lacks a field
 */
export function readBenchLines(text: string, where: string): BenchLine[] {
  return text.split('\n').flatMap((line, i) => {
    if (!line.startsWith('{')) return [];
    const at = `${where}: line ${i + 1}`;
    let found: Record<string, unknown>;
    try {
      found = JSON.parse(line) as Record<string, unknown>;
    } catch {
      throw new InputError(`${at}: found ${quoted(line, 40)}, expected a whole JSON object. Take the line out.`);
    }
    for (const [name, type] of Object.entries({
      peer: 'string',
      adapter: 'string',
      workload: 'string',
      config: 'string',
    }))
      if (typeof found[name] !== type)
        throw new InputError(`${at}: found no ${name}, expected a line as bench --json prints it. Take the line out.`);
    return [{ ...(found as unknown as BenchLine), median_ms: timeOf(found, at) }];
  });
}

/** Of a step, a product, or a token that is generated: a decode line tells how many of those a second. */
function timeOf({ workload, median_ms: ms, tokens_per_s: speed }: Record<string, unknown>, at: string): number {
  const [name, found] = workload === 'decode' ? ['tokens_per_s', speed] : ['median_ms', ms];
  if (typeof found !== 'number' || !(found > 0))
    throw new InputError(`${at}: found no ${name} above 0, expected a measured number. Take the line out.`);
  return workload === 'decode' ? 1000 / found : found;
}

/** Markdown: a row for each workload and peer, the least disturbed run of each, with the peer's time over ours on the same adapter. */
export function ratioTable(lines: readonly BenchLine[]): string {
  const best = new Map<string, BenchLine>();
  for (const line of lines) {
    const key = [line.workload, line.config, line.adapter, line.peer, line.waiting ?? ''].join('\n');
    const known = best.get(key);
    if (!known || line.median_ms < known.median_ms) best.set(key, line);
  }
  const all = [...best.values()];
  const own = all.filter((line) => line.peer === OURS);
  // A peer on another adapter of ours is compared there.
  const elsewhere = (peer: BenchLine, ours: BenchLine) =>
    !peer.adapter.startsWith(ours.adapter) && own.some((line) => peer.adapter.startsWith(line.adapter));
  const rows = own
    .sort((a, b) => order(a) - order(b))
    .flatMap((ours) =>
      all
        .filter((line) => line.peer !== OURS && line.workload === ours.workload && line.config === ours.config)
        .filter((line) => !elsewhere(line, ours))
        .sort((a, b) => b.median_ms - a.median_ms)
        .map((peer) => row(ours, peer)),
    );
  if (rows.length === 0)
    throw new InputError(
      `bench table: found no workload that ${OURS} and a peer were both timed on, expected lines of both. For example: bench train TINY --json >> times.jsonl`,
    );
  const head = [
    'workload',
    'adapter',
    'shaderformer, ms',
    'peer',
    'its adapter',
    'ms',
    'ratio',
    'how ours waits',
    'dates',
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Trainings from small to large, then products and decoding, each in the order in which they were timed. */
function order({ workload, config }: BenchLine): number {
  const trained = Object.keys(WORKLOADS).indexOf(config);
  return workload === 'train' ? trained : Object.keys(WORKLOADS).length;
}

function row(ours: BenchLine, peer: BenchLine): string[] {
  const ratio = peer.median_ms / ours.median_ms;
  const named = (line: BenchLine) => `${line.peer}${line.version ? ` ${line.version}` : ''}`;
  const days = [...new Set([ours.when, peer.when].map((when) => when?.slice(0, 10)).filter(Boolean))];
  return [
    `${ours.workload} ${ours.config}`,
    ours.adapter,
    time(ours.median_ms),
    named(peer),
    peer.adapter.startsWith(ours.adapter) ? 'the same' : peer.adapter,
    time(peer.median_ms),
    sameLoss(ours, peer) ? ratio.toFixed(ratio < 10 ? 1 : 0) : 'other losses: no comparison',
    ours.waiting ?? '',
    days.join(', '),
  ];
}

function sameLoss({ loss: a = [] }: BenchLine, { loss: b = [] }: BenchLine): boolean {
  return a.every((x, i) => b[i] === undefined || Math.abs(x - b[i]) <= SAME_LOSS);
}

function time(ms: number): string {
  return ms.toFixed(ms < 10 ? 2 : 0);
}
