// From times to a table. An entry of a kernel table means "the first of these that fits, else the first form that fits", so orders
// of an op's forms are judged by the time of all its cases under that rule. Pure.
import type { KernelTable } from '../schedule/order.ts';
import type { MeasuredCase, MeasuredForm } from './measure.ts';

/** Another form than the default must be faster by this share: less is noise, and other bits for nothing. */
const WORTH = 0.05;

export interface Wrong {
  op: string;
  form: string;
  /** The case. */
  shape: string;
  /** Relative to the largest value; infinite where something is not a number. */
  error: number;
}

export interface Candidate {
  name: string;
  /** Of all cases with this form where it fits and the first that fits elsewhere; infinite for a wrong form. */
  ms: number;
}

export interface Choice {
  op: string;
  cases: readonly MeasuredCase[];
  /** In the op's order. */
  candidates: readonly Candidate[];
  /** By the same rule, with the first form that fits everywhere. */
  defaultMs: number;
  /** An entry of the table, `vector,register`, or null for the default. */
  form: string | null;
  /** What runs, and why: a text for people. */
  why: string;
}

/** A choice for each op that had something to choose between. */
export function choose(cases: readonly MeasuredCase[]): Choice[] {
  const byOp = new Map<string, MeasuredCase[]>();
  for (const each of cases) byOp.set(each.op, [...(byOp.get(each.op) ?? []), each]);
  return [...byOp.values()].filter((ofOp) => ofOp.some(({ forms }) => forms.length > 1)).map(chooseForm);
}

export function wrongForms(cases: readonly MeasuredCase[], tolerance: number): Wrong[] {
  return cases.flatMap(({ op, name, forms }) =>
    forms
      .filter(({ error }) => !(error <= tolerance))
      .map(({ name: form, error }) => ({ op, form, shape: name, error })),
  );
}

/** The same calls where no optional feature is there. */
export function plainOnly(cases: readonly MeasuredCase[]): MeasuredCase[] {
  return cases
    .map((each) => ({
      ...each,
      runs: each.runs.filter(({ plain }) => plain),
      forms: each.forms.filter(({ plain }) => plain),
    }))
    .filter(({ forms }) => forms.length > 0);
}

/** Entries where other forms than the default were chosen. */
export function tableFrom(choices: readonly Choice[]): KernelTable {
  return Object.fromEntries(choices.flatMap(({ op, form }) => (form === null ? [] : [[op, form]])));
}

/**
 * The order in which the forms are tried, improved: as long as it is worth it, the form that lowers the time of all cases most is
 * moved ahead of those that it beats (see `ahead`). Wrong forms go last. The entry is the beginning of that order: all that must
 * be said so that the rest may stand as it does by default.
 */
function chooseForm(cases: readonly MeasuredCase[]): Choice {
  const { runs } = cases.reduce((a, b) => (b.runs.length > a.runs.length ? b : a));
  const names = runs.map(({ name }) => name);
  const wrong = new Set(cases.flatMap(({ forms }) => forms.filter((f) => f.ms === Infinity).map((f) => f.name)));
  const sum = (order: readonly string[]) =>
    cases.reduce((total, { forms }) => {
      const { name, ms } = taken(forms, order);
      return total + (wrong.has(name) ? Infinity : ms);
    }, 0);
  const measured = names.filter((name) => cases.some(({ forms }) => forms.some((f) => f.name === name)));
  const candidates = measured.map((name) => ({ name, ms: wrong.has(name) ? Infinity : sum([name, ...names]) }));
  const defaultMs = sum(names);
  const choice = { op: cases[0]!.op, cases, candidates, defaultMs };

  let order = [...names.filter((name) => !wrong.has(name)), ...names.filter((name) => wrong.has(name))];
  if (sum(order) === Infinity) return { ...choice, form: null, why: 'no form is right here' };
  for (;;) {
    const moved = measured.filter((name) => !wrong.has(name)).map((name) => ahead(name, order, cases));
    const best = moved.reduce((a, b) => (sum(b) < sum(a) ? b : a));
    if (!(sum(best) < (1 - WORTH) * sum(order))) break;
    order = best;
  }
  const form = entryOf(order, names);
  if (form === null) return { ...choice, form, why: `the first that fits; no other is ${100 * WORTH} % faster` };
  if (defaultMs === Infinity) return { ...choice, form, why: `${form}: the first that fits is wrong here` };
  if (sum(order) === defaultMs) return { ...choice, form, why: `${form}: as by default, before what is wrong here` };
  return { ...choice, form, why: `${form}, ${(defaultMs / sum(order)).toFixed(2)}x as fast as the first that fits` };
}

/**
 * The order with this form ahead of others. Ahead of it stay, of those that were: a form that is taken in some case, unless in
 * those of its cases that this form fits too it is slower by WORTH; so one for few rows goes on taking few rows. And a form that
 * fitted no case, such as one for f16 while cases are in f32: nothing is known of it, so it goes on taking what it fits.
 */
function ahead(name: string, order: readonly string[], cases: readonly MeasuredCase[]): string[] {
  const before = order.slice(0, order.indexOf(name));
  const stays = before.filter((other) => {
    if (!cases.some(({ forms }) => forms.some((f) => f.name === other))) return true;
    const its = cases.filter(({ forms }) => taken(forms, order).name === other);
    const both = its.filter(({ forms }) => forms.some((f) => f.name === name));
    return its.length > 0 && !(msIn(both, name) < (1 - WORTH) * msIn(both, other));
  });
  const behind = order.filter((other) => other !== name && !stays.includes(other));
  return [...stays, name, ...behind];
}

function msIn(cases: readonly MeasuredCase[], name: string): number {
  return cases.reduce((total, { forms }) => total + forms.find((f) => f.name === name)!.ms, 0);
}

/** The shortest beginning of an order after which the rest stands as by default; null where all does. */
function entryOf(order: readonly string[], names: readonly string[]): string | null {
  let length = order.length - 1;
  while (length > 0 && names.indexOf(order[length - 1]!) < names.indexOf(order[length]!)) length--;
  return length === 0 ? null : order.slice(0, length).join(',');
}

/** The form that a table with this order takes. */
function taken(forms: readonly MeasuredForm[], order: readonly string[]): MeasuredForm {
  const name = order.find((each) => forms.some((form) => form.name === each));
  return forms.find((form) => form.name === name)!;
}
