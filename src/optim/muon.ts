// Muon: momentum steps along orthogonalized directions for the matrices inside a model, AdamW for everything else, with one
// norm, one gate and one learning rate for both.

import type { Gradients } from '../autograd/backward.ts';
import { scope } from '../autograd/graph.ts';
import { InputError } from '../errors.ts';
import { assign } from '../ops/copy.ts';
import { muonMomentum, muonUpdate } from '../ops/muon.ts';
import { stepScalar } from '../ops/op.ts';
import { orthogonalize } from '../ops/orthogonalize.ts';
import { wholeName } from '../tensor/pieces.ts';
import { layOutSlabs } from '../tensor/slab.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { AdamW, type AdamWOptions } from './adamw.ts';
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

export interface MuonOptions {
  momentum?: number;
  /** The direction looks one step ahead. */
  nesterov?: boolean;
  newtonSchulzSteps?: number;
  /** On all parameters of two axes or more. */
  weightDecay?: number;
  /** Gradients are scaled down to this norm over all parameters. null does not clip. */
  gradClip?: number | null;
  /** Gradients come multiplied with a factor that is kept here, as a model that computes in f16 needs. Default false. */
  lossScale?: boolean;
  /** Which parameters of two axes are Muon's. Default: isHiddenMatrix. */
  matrices?: (parameter: Tensor) => boolean;
  /** Which of the matrices are stored (in,out), as GPT-2's Conv1D, instead of (out,in). Default: none. */
  storedInOut?: (parameter: Tensor) => boolean;
  /** For the rest. The learning rate is Muon's, which is far larger than AdamW's, times `learningRateScale`. */
  adamw?: { beta1?: number; beta2?: number; eps?: number; learningRateScale?: number };
}

/** Token and position tables and the head, by Hugging Face's names: their rows are used one by one, not as one map. */
const TABLES = /(^|\.)(wte|wpe|shared|embed_tokens|lm_head)\.weight$/;

/** Whether a parameter is a matrix between hidden layers: two axes, and neither a table nor the head by its name. */
export function isHiddenMatrix(parameter: Tensor): boolean {
  return parameter.shape.length === 2 && !TABLES.test(wholeName(parameter));
}

interface Matrix {
  parameter: Tensor;
  g: Tensor;
  m: Tensor;
  /** On the learning rate: sqrt(max(1, out/in)). */
  factor: number;
}

export class Muon implements Optimizer {
  readonly control: Tensor;
  readonly lossScale: Tensor | null;
  readonly #options: Required<MuonOptions>;
  readonly #moments: Required<Pick<AdamWOptions, 'beta1' | 'beta2' | 'eps'>>;
  readonly #matrices: readonly Matrix[];
  /** Slabs of the matrices' gradients and momenta. */
  readonly #slabs: { g: Tensor[]; m: Tensor[] };
  readonly #rest: AdamW | null;

  /**
   * @param parameters of which the trainable ones are taken
   * @throws InputError if nothing is trainable, a parameter is given twice, or `matrices` takes one that has not two axes
   */
  constructor(parameters: readonly Tensor[], options: MuonOptions = {}) {
    this.#options = {
      momentum: 0.95,
      nesterov: true,
      newtonSchulzSteps: 5,
      weightDecay: 0.1,
      gradClip: null,
      lossScale: false,
      matrices: isHiddenMatrix,
      storedInOut: () => false,
      adamw: {},
      ...options,
    };
    const trainable = parameters.filter((p) => p.trainable);
    if (trainable.length === 0) throw new InputError('Muon: no parameter is trainable.');
    const twice = trainable.find((p, i) => trainable.indexOf(p) !== i);
    if (twice) throw new InputError(`Muon: ${twice} is given twice. Give each parameter once.`);
    const { matrices, storedInOut, adamw } = this.#options;
    const own = trainable.filter(matrices);
    const odd = own.find((p) => p.shape.length !== 2);
    if (odd) throw new InputError(`Muon: ${odd} is no matrix: expected two axes. Leave it to AdamW.`);
    this.#matrices = own.map((parameter) => {
      const [rows, cols] = parameter.shape as [number, number];
      const ratio = storedInOut(parameter) ? cols / rows : rows / cols;
      return {
        parameter,
        g: stateLike(parameter, 'gradients', 'gradients'),
        m: stateLike(parameter, 'momentum', 'optimizer'),
        factor: Math.sqrt(Math.max(1, ratio)),
      };
    });
    this.#slabs = {
      g: layOutSlabs(
        this.#matrices.map((x) => x.g),
        'gradients.muon',
        'gradients',
      ),
      m: layOutSlabs(
        this.#matrices.map((x) => x.m),
        'momentum',
        'optimizer',
      ),
    };
    const { learningRateScale = 1, ...moments } = adamw;
    this.#moments = { beta1: 0.9, beta2: 0.95, eps: 1e-8, ...moments };
    const others = trainable.filter((p) => !own.includes(p));
    const group = (weightDecay: number, fits: (p: Tensor) => boolean) => ({
      parameters: others.filter(fits),
      weightDecay,
      learningRateScale,
    });
    const groups = [group(this.#options.weightDecay, (p) => p.shape.length >= 2), group(0, (p) => p.shape.length < 2)];
    this.#rest = others.length > 0 ? new AdamW(groups, this.#moments) : null;
    this.control = this.#rest?.control ?? controlTensor();
    this.lossScale = this.#options.lossScale ? lossScaleTensor() : null;
  }

  /**
   * Appends one step to the graph being traced: gradients to their slabs, one norm over all of them, clipping, both updates.
   * Asks for the number `learningRate` at every replay. A step whose norm or loss is not finite
   * changes nothing and sets the halt latch.
   *   p = p (1 - lr wd) - lr sqrt(max(1, out/in)) orthogonalize(direction)
   * Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
   */
  step(gradients: Gradients, options: StepOptions = {}): StepFigures {
    this.collect(gradients);
    return this.apply(options);
  }

  collect(gradients: Gradients): void {
    scope('optimizer', () => {
      for (const { parameter, g } of this.#matrices) assign(g, gradientOf('Muon', gradients, parameter));
    });
    this.#rest?.collect(gradients);
  }

  apply(options: StepOptions = {}): StepFigures {
    const parts = { control: this.control, slabs: this.gradientSlabs(), lossScale: this.lossScale };
    const settings = { ...this.#moments, gradClip: this.#options.gradClip };
    return scope('optimizer', () => gatedStep(parts, settings, options, (gated) => this.#update(gated)));
  }

  #update(gated: Tensor): void {
    const { momentum, nesterov, newtonSchulzSteps, weightDecay } = this.#options;
    const learningRate = stepScalar('learningRate');
    for (const { parameter: p, g, m, factor } of this.#matrices) {
      const u = muonMomentum({ g, m, gate: gated }, { momentum, nesterov });
      const direction = orthogonalize(u, newtonSchulzSteps);
      muonUpdate({ p, direction, gate: gated, learningRate }, { weightDecay, factor });
    }
    this.#rest?.update(gated);
  }

  /** Everything a checkpoint needs beside the parameters, by name: control, lossScale where it is kept, momentum.NAME, and AdamW's m.NAME and v.NAME. */
  state(): Map<string, Tensor> {
    const momenta = this.#matrices.map(({ parameter, m }) => [`momentum.${parameter.name}`, m] as const);
    const scale = this.lossScale ? ([['lossScale', this.lossScale]] as const) : [];
    return new Map<string, Tensor>([['control', this.control], ...scale, ...momenta, ...(this.#rest?.state() ?? [])]);
  }

  /** What a device holds for this optimizer: release() it there. */
  tensors(): Tensor[] {
    const own = this.lossScale ? [this.control, this.lossScale] : [this.control];
    return [...new Set([...own, ...this.#slabs.g, ...this.#slabs.m, ...(this.#rest?.tensors() ?? [])])];
  }

  gradientSlabs(): Tensor[] {
    return [...this.#slabs.g, ...(this.#rest?.gradientSlabs() ?? [])];
  }

  gradients(): Map<Tensor, Tensor> {
    const own = this.#matrices.map(({ parameter, g }) => [parameter, g] as const);
    return new Map([...own, ...(this.#rest?.gradients() ?? [])]);
  }
}
