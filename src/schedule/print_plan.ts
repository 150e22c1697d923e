// A plan for people: as a table, a line a dispatch, or the life of one value in it.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Plan, Region } from './plan.ts';

/** The plan as a table: a line a dispatch. */
export function printPlan(plan: Plan): string {
  const rows = plan.dispatches.map((d, i) => {
    const named = (access: string) =>
      d.bindings
        .filter((b) => b.access === access)
        .map((b) => `${b.name}${b.value ? typed(b.value) : ''}@${where(b)}`)
        .join(' ');
    return [
      String(i),
      d.scope ? `${d.scope} ${d.op}` : d.op,
      d.kernel,
      named('read'),
      named('read_write'),
      d.workgroups.join('x'),
    ];
  });
  return table([['#', 'node', 'kernel', 'reads', 'writes', 'workgroups'], ...rows]);
}

/**
 * One tensor's life, or that of all values under a scope: where it is written, read and stored. A table for each plan with it.
 * @throws InputError naming the plan's scopes, if none has either
 */
export function printTrace(plans: Plan | readonly Plan[], name: string): string {
  const all = [plans].flat();
  const tables = all.map((plan) => traceRows(plan, name)).filter((rows) => rows.length > 0);
  if (tables.length === 0) {
    const scopes = [...new Set(all.flatMap((plan) => plan.dispatches.map((d) => d.scope)).filter(Boolean))];
    const names = [...scopes.slice(0, 12), ...(scopes.length > 12 ? ['...'] : [])].join(', ');
    throw new InputError(`trace ${name}: no tensor or scope of that name in this plan. Scopes here: ${names}.`);
  }
  return tables.map((rows) => table([['#', 'use', 'tensor', 'shape', 'stored in', 'dispatch'], ...rows])).join('\n\n');
}

function traceRows(plan: Plan, name: string): string[][] {
  const rows: string[][] = [];
  plan.dispatches.forEach((d, i) => {
    for (const b of d.bindings) {
      const inScope = d.scope === name || d.scope.startsWith(`${name}.`);
      if (!b.value || !(b.value.name === name || inScope)) continue;
      rows.push([
        String(i),
        b.access === 'read' ? 'read' : 'write',
        b.value.name || b.name,
        typed(b.value),
        where(b),
        `${d.kernel} (${d.scope})`,
      ]);
    }
  });
  return rows;
}

/** The shape; behind it the type, if that is f16. */
function typed({ shape, dtype }: Tensor): string {
  return `${show(shape)}${dtype === 'f16' ? 'f16' : ''}`;
}

function where({ buffer, offset }: Region): string {
  const place =
    buffer.kind === 'arena' ? `arena${buffer.slot}` : buffer.kind === 'persistent' ? buffer.tensor.name : buffer.kind;
  return offset ? `${place}+${offset}` : place;
}

function table(rows: string[][]): string {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((r) => r[c]!.length)));
  return rows
    .map((r) =>
      r
        .map((cell, c) => cell.padEnd(widths[c]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
