// Short reports of ships that came in, made by chance from a seed, each with the sentence that says what matters in it: texts whose
// summary is known, to learn summarising from and to be judged by.
import { randomBelow } from '../../src/data/shuffled.ts';
import { ARRIVALS, ASIDES, CAPTAINS, DAYS, LANDINGS, PORTS, SHIPS, UNITS } from './report_words.ts';

/** What matters in a report. */
export interface Facts {
  readonly day: string;
  readonly ship: string;
  readonly amount: string;
  readonly cargo: string;
  readonly port: string;
}

export const FACTS = ['day', 'ship', 'amount', 'cargo', 'port'] as const satisfies readonly (keyof Facts)[];

export interface Report {
  readonly facts: Facts;
  /** 5 to 8 sentences. */
  readonly text: string;
  readonly summary: string;
}

const CARGOES = [...UNITS.keys()];
const AMOUNTS = Array.from({ length: 80 }, (_, i) => String(20 + i));
const HANDS = ['two', 'three', 'four', 'five', 'six'];
/** Sentences of a report. */
const [LEAST, MOST] = [5, 8];

/** What can stand for each fact. */
export const CHOICES: Readonly<Record<keyof Facts, readonly string[]>> = {
  ...{ day: DAYS, ship: SHIPS, amount: AMOUNTS, cargo: CARGOES, port: PORTS },
};

/** So many reports, no two with the same facts: the first n of more are those of n. @param seed whole number from 0 below 2^32 */
export function makeReports(count: number, seed: number): Report[] {
  const reports = new Map<string, Report>();
  for (let number = 0; reports.size < count; number++) {
    const report = reportOf(seed, number);
    if (!reports.has(report.summary)) reports.set(report.summary, report);
  }
  return [...reports.values()];
}

/** The cargo stands before its unit, which would give it away: a model that has only learned which words go together must copy it. */
export const summaryOf = ({ day, ship, amount, cargo, port }: Facts): string =>
  `On ${day} the ${ship} brought ${cargo} to ${port}, ${amount} ${UNITS.get(cargo)}.`;

const SUMMARY = /^on (\w+) the (\w+) brought (\w+) to (\w+) ?, (\d+) (\w+) ?\.$/i;

/** The facts of a summary, in whatever capital letters it is written; null for a sentence that is none. */
export function factsOf(summary: string): Facts | null {
  const [, day, ship, cargo, port, amount, unit] = SUMMARY.exec(summary.trim()) ?? [];
  const words = { day, ship, amount, cargo, port };
  const known = FACTS.map((name) =>
    CHOICES[name].find((choice) => choice.toLowerCase() === words[name]?.toLowerCase()),
  );
  if (known.includes(undefined)) return null;
  const facts = Object.fromEntries(FACTS.map((name, i) => [name, known[i]])) as unknown as Facts;
  return UNITS.get(facts.cargo) === unit!.toLowerCase() ? facts : null;
}

/** The facts that a report names first, whatever it says of them: what no reading at all gives. */
export function firstNamed(text: string): Partial<Facts> {
  const words = text.match(/\w+/g) ?? [];
  return Object.fromEntries(FACTS.map((name) => [name, words.find((word) => CHOICES[name].includes(word))]));
}

/** Report number n of a seed. */
function reportOf(seed: number, number: number): Report {
  let drawn = 0;
  const below = (n: number) => randomBelow(n, seed ^ REPORTS, number, drawn++);
  const one = <T>(list: readonly T[]) => list[below(list.length)]!;
  const facts = Object.fromEntries(FACTS.map((name) => [name, one(CHOICES[name])])) as unknown as Facts;
  const blocks = [one(ARRIVALS), one(LANDINGS)];
  const sentences = LEAST + below(MOST - LEAST + 1);
  const asides = [...ASIDES];
  for (let made = blocks.join(' ').match(/\./g)!.length; made < sentences; made++)
    blocks.splice(below(blocks.length + 1), 0, asides.splice(below(asides.length), 1)[0]!);
  const filled = blocks.map((block) => {
    const other = (name: keyof Facts) => one(CHOICES[name].filter((choice) => choice !== facts[name]));
    const otherCargo = other('cargo');
    const words = {
      ...{ ...facts, unit: UNITS.get(facts.cargo)!, captain: one(CAPTAINS), hands: one(HANDS) },
      ...{ otherDay: other('day'), otherShip: other('ship'), otherAmount: other('amount'), otherPort: other('port') },
      ...{ otherCargo, otherUnit: UNITS.get(otherCargo)! },
    };
    return block.replace(/\{(\w+)\}/g, (_, name: keyof typeof words) => words[name]);
  });
  return { facts, text: filled.join(' '), summary: summaryOf(facts) };
}

/** A stream of the seed, away from those of weights, dropout and orders. */
const REPORTS = 0x72657074;
