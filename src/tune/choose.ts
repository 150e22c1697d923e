// From times to a table. An entry of a kernel table means "this form where it fits, else the first that fits", so a form is judged
// by the time of all cases of its op under that rule. Pure.
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
  /** An entry of the table, or null for the default. */
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
    .map((each) => ({ ...each, forms: each.forms.filter(({ plain }) => plain) }))
    .filter(({ forms }) => forms.length > 0);
}

/** Entries where another form than the default was chosen. */
export function tableFrom(choices: readonly Choice[]): KernelTable {
  return Object.fromEntries(choices.flatMap(({ op, form }) => (form === null ? [] : [[op, form]])));
}

function chooseForm(cases: readonly MeasuredCase[]): Choice {
  const most = cases.slice().sort((a, b) => b.forms.length - a.forms.length);
  const names = [...new Set(most.flatMap(({ forms }) => forms.map((f) => f.name)))];
  const wrong = new Set(cases.flatMap(({ forms }) => forms.filter((f) => f.ms === Infinity).map((f) => f.name)));
  const msOf = ({ name, ms }: MeasuredForm) => (wrong.has(name) ? Infinity : ms);
  const sum = (wanted: string | null) => cases.reduce((ms, { forms }) => ms + msOf(taken(forms, wanted)), 0);
  const candidates = names.map((name) => ({ name, ms: wrong.has(name) ? Infinity : sum(name) }));
  const defaultMs = sum(null);
  const best = candidates.reduce((a, b) => (b.ms < a.ms ? b : a));
  const choice = { op: cases[0]!.op, cases, candidates, defaultMs };

  if (best.ms === Infinity && defaultMs === Infinity) return { ...choice, form: null, why: 'no form is right here' };
  if (defaultMs === Infinity)
    return { ...choice, form: best.name, why: `${best.name}: the first that fits is wrong here` };
  if (best.ms < (1 - WORTH) * defaultMs) {
    const ratio = (defaultMs / best.ms).toFixed(2);
    return { ...choice, form: best.name, why: `${best.name}, ${ratio}x as fast as the first that fits` };
  }
  return { ...choice, form: null, why: `the first that fits; no other is ${100 * WORTH} % faster` };
}

/** The form that a table with this entry takes. */
function taken(forms: readonly MeasuredForm[], wanted: string | null): MeasuredForm {
  return forms.find((form) => form.name === wanted) ?? forms[0]!;
}
