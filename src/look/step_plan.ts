// A step as the device runs it: the plans of its replays, with the graphs behind them, and its dispatches in their order.
import type { Graph } from '../autograd/graph.ts';
import type { Batch, Scalars } from '../autograd/machine.ts';
import { batchKey, graphOf } from '../autograd/trace_batch.ts';
import type { Device } from '../runtime/device.ts';
import { makePlan, type Plan, type PlannedDispatch } from '../schedule/plan.ts';
import type { StepReplay } from '../train/step.ts';

/** What a device runs for a function and batches of one shape. */
export interface PlannedGraph {
  graph: Graph;
  plan: Plan;
}

export interface PlannedReplay extends PlannedGraph {
  batch: Batch;
  scalars: Scalars;
}

export interface StepDispatch {
  /** The first replay that runs it, and its number among the dispatches of that. */
  replay: number;
  at: number;
  /** How many replays of the step run it. */
  times: number;
  dispatch: PlannedDispatch;
}

export interface PlannedStep {
  replays: readonly PlannedReplay[];
  /** Each once, in the order in which a step first runs them. */
  dispatches: readonly StepDispatch[];
}

/** Plans by function and shapes: those of a run stay the same from step to step. Pure data, nothing to give back. */
export class StepPlans {
  readonly #found = new Map<StepReplay['fn'], Map<string, PlannedGraph>>();

  /** The plans that the trainer's own functions have. */
  plan(device: Device, replays: readonly StepReplay[]): PlannedStep {
    const planned = replays.map(({ batch, scalars, ...each }) => ({
      ...this.#graph(device, { ...each, batch }),
      ...{ batch, scalars },
    }));
    const plans = planned.map(({ plan }) => plan);
    const dispatches = plans.flatMap((plan, replay) => {
      if (plans.indexOf(plan) < replay) return [];
      const times = plans.filter((each) => each === plan).length;
      return plan.dispatches.map((dispatch, at) => ({ replay, at, times, dispatch }));
    });
    return { replays: planned, dispatches };
  }

  #graph(device: Device, { fn, batch, options }: Omit<StepReplay, 'scalars'>): PlannedGraph {
    let byShape = this.#found.get(fn);
    if (!byShape) this.#found.set(fn, (byShape = new Map()));
    const key = batchKey(batch);
    let found = byShape.get(key);
    if (!found) {
      const graph = graphOf(fn, batch, options);
      byShape.set(key, (found = { graph, plan: makePlan(graph, device.capabilities, device.kernels) }));
    }
    return found;
  }
}
