// AdamW over slabs: gradients and moments of all trainable parameters in a few buffers, one dispatch a slab.

import type { Gradients } from '../autograd/backward.ts';
import { scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { assign } from '../ops/copy.ts';
import { constant, stepScalar } from '../ops/op.ts';
import { adamw } from '../ops/optimizer.ts';
import { layOutSlabs, SLAB_ALIGN } from '../tensor/slab.ts';
import { Tensor } from '../tensor/tensor.ts';
import {
  controlTensor,
  gatedStep,
  gradientOf,
  lossScaleTensor,
  type Optimizer,
  type StepFigures,
  type StepOptions,
} from './optimizer.ts';
import { stateLike } from './state_like.ts';

export interface ParameterGroup {
  parameters: readonly Tensor[];
  weightDecay: number;
  /** Factor on the step's learning rate. Default 1. */
  learningRateScale?: number;
}

export interface AdamWOptions {
  beta1?: number;
  beta2?: number;
  eps?: number;
  /** Used where parameters are given as a list: matrices (two axes or more) decay, biases and norms do not. */
  weightDecay?: number;
  /** Gradients are scaled down to this norm over all parameters. null does not clip. */
  gradClip?: number | null;
  /** Gradients come multiplied with a factor that is kept here, as a model that computes in f16 needs. Default false. */
  lossScale?: boolean;
  /** False: Adam with L2 decay. */
  decoupled?: boolean;
}

/** The slices of one slab of gradients, and the slab of parameters that they belong to. */
interface Part {
  p: Tensor;
  g: Tensor;
  m: Tensor;
  v: Tensor;
  members: { parameter: Tensor; g: Tensor; m: Tensor; v: Tensor; group: number }[];
}

export class AdamW implements Optimizer {
  readonly groups: readonly Required<ParameterGroup>[];
  /** Steps applied, two bias corrections, the halt latch, statistics of the losses. See GateInputs. */
  readonly control = controlTensor();
  readonly lossScale: Tensor | null;
  #options: Required<AdamWOptions>;
  #parts: Part[];

  /**
   * @param parameters a list, of which the trainable ones are taken (matrices with decay, the rest without), or groups
   * @throws InputError if nothing is trainable, or a parameter is in two groups
   */
  constructor(parameters: readonly Tensor[] | readonly ParameterGroup[], options: AdamWOptions = {}) {
    this.#options = {
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-8,
      weightDecay: 0.1,
      gradClip: null,
      lossScale: false,
      decoupled: true,
      ...options,
    };
    this.lossScale = this.#options.lossScale ? lossScaleTensor() : null;
    this.groups = groupsOf(parameters, this.#options.weightDecay);
    const members = this.groups.flatMap((g, group) => g.parameters.map((parameter) => ({ parameter, group })));
    if (members.length === 0) throw new InputError('AdamW: no parameter is trainable.');
    const twice = members.find(({ parameter }, i) => members.findIndex((m) => m.parameter === parameter) !== i);
    if (twice) throw new InputError(`AdamW: ${twice.parameter} is given twice. Put each parameter into one group.`);
    const loose = members.map((m) => m.parameter).filter((p) => !p.slab);
    layOutSlabs(loose, 'parameters', 'parameters');
    // Gradients lie in the order of the parameters; where those start a new slab, so do the gradients.
    const roots = [...new Set(members.map((m) => m.parameter.slab!))];
    this.#parts = roots.map((p, i) =>
      partOf(
        p,
        members.filter((m) => m.parameter.slab === p).sort((a, b) => a.parameter.slabOffset - b.parameter.slabOffset),
        roots.length > 1 ? `.${i}` : '',
      ),
    );
  }

  /**
   * Appends one step to the graph being traced: gradients to their slabs, norm, clipping, update. Asks for the number
   * `learningRate` at every replay. A step whose norm or loss is not finite changes nothing and sets the halt latch.
   */
  step(gradients: Gradients, options: StepOptions = {}): StepFigures {
    this.collect(gradients);
    return this.apply(options);
  }

  collect(gradients: Gradients): void {
    scope('optimizer', () => {
      for (const { members } of this.#parts)
        for (const { parameter, g } of members) assign(g, gradientOf('AdamW', gradients, parameter));
    });
  }

  apply(options: StepOptions = {}): StepFigures {
    const parts = { control: this.control, slabs: this.gradientSlabs(), lossScale: this.lossScale };
    return scope('optimizer', () => gatedStep(parts, this.#options, options, (gated) => this.update(gated)));
  }

  /** Moments and parameters, where the gate lets the step pass. For an optimizer that leaves some of its parameters to this one. */
  update(gated: Tensor): void {
    const { beta1, beta2, eps, decoupled } = this.#options;
    const learningRate = stepScalar('learningRate');
    const settings = this.groups.flatMap((g) => [g.weightDecay, g.learningRateScale]);
    const groups = constant('groups', [settings.length], () => new Float32Array(settings));
    this.#parts.forEach((part, i) => {
      const { p, g, m, v } = part;
      const map = constant(`map.${i}`, [g.size / SLAB_ALIGN], () => mapOf(part), 'u32');
      adamw({ p, g, m, v, map, groups, gate: gated, learningRate }, { beta1, beta2, eps, decoupled });
    });
  }

  /** Everything a checkpoint needs beside the parameters, by name: m.NAME, v.NAME, control and, where it is kept, lossScale. */
  state(): Map<string, Tensor> {
    const all = new Map<string, Tensor>([['control', this.control]]);
    if (this.lossScale) all.set('lossScale', this.lossScale);
    for (const { members } of this.#parts) {
      for (const { parameter, m, v } of members) all.set(`m.${parameter.name}`, m).set(`v.${parameter.name}`, v);
    }
    return all;
  }

  /** What a device holds for this optimizer: release() it there. */
  tensors(): Tensor[] {
    const own = this.lossScale ? [this.control, this.lossScale] : [this.control];
    return [...own, ...this.#parts.flatMap(({ g, m, v }) => [g, m, v])];
  }

  gradientSlabs(): Tensor[] {
    return this.#parts.map((part) => part.g);
  }

  gradients(): Map<Tensor, Tensor> {
    return new Map(this.#parts.flatMap((part) => part.members.map((m) => [m.parameter, m.g] as const)));
  }
}

function groupsOf(
  given: readonly Tensor[] | readonly ParameterGroup[],
  weightDecay: number,
): Required<ParameterGroup>[] {
  const isList = given.every((x) => x instanceof Tensor);
  const groups = isList
    ? [
        { parameters: (given as readonly Tensor[]).filter((p) => p.shape.length >= 2), weightDecay },
        { parameters: (given as readonly Tensor[]).filter((p) => p.shape.length < 2), weightDecay: 0 },
      ]
    : (given as readonly ParameterGroup[]);
  return groups.map((g) => ({ learningRateScale: 1, ...g, parameters: g.parameters.filter((p) => p.trainable) }));
}

function partOf(p: Tensor, members: readonly { parameter: Tensor; group: number }[], suffix: string): Part {
  const like = (prefix: string, memoryClass: 'gradients' | 'optimizer') => {
    const slices = members.map(({ parameter }) => stateLike(parameter, prefix, memoryClass));
    const [slab] = layOutSlabs(slices, prefix + suffix, memoryClass, Number.POSITIVE_INFINITY);
    return { slices, slab: slab! };
  };
  const [g, m, v] = [like('gradients', 'gradients'), like('m', 'optimizer'), like('v', 'optimizer')];
  return {
    p,
    g: g.slab,
    m: m.slab,
    v: v.slab,
    members: members.map(({ parameter, group }, i) => ({
      parameter,
      group,
      g: g.slices[i]!,
      m: m.slices[i]!,
      v: v.slices[i]!,
    })),
  };
}

/** For each block of 64 gradients: the number of the block of parameters, and the group in the top 8 bits. */
function mapOf({ g, members }: Part): Uint32Array {
  const map = new Uint32Array(g.size / SLAB_ALIGN);
  for (const { parameter, g: slice, group } of members) {
    const blocks = Math.ceil(parameter.size / SLAB_ALIGN);
    for (let b = 0; b < blocks; b++)
      map[slice.slabOffset / SLAB_ALIGN + b] = parameter.slabOffset / SLAB_ALIGN + b + group * 2 ** 24;
  }
  return map;
}
