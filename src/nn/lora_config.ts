// What an adapter of the LoRA kind is, as plain data: its rank, its scale, its layers, and what its tensors are called in files.

export interface LoraConfig {
  /** Rank of the product that is added to a weight. */
  r: number;
  alpha: number;
  /** Of the adapter's own input, in training. */
  dropout: number;
  /** The scale is alpha / sqrt(r), not alpha / r. Source: Kalajdzievski 2023 (arXiv:2312.03732). */
  rslora: boolean;
  /** As PEFT matches them: a layer's whole name, or what stands in it behind a dot, to its end. */
  targets: readonly string[];
}

/** The factor on B A. */
export function loraScale({ r, alpha, rslora }: Pick<LoraConfig, 'r' | 'alpha' | 'rslora'>): number {
  return alpha / (rslora ? Math.sqrt(r) : r);
}

/** What PEFT puts in front of the names of a model's own modules. */
export const PEFT_PREFIX = 'base_model.model.';

/** PEFT's name of A (r,in) or B (out,r) of a linear layer. */
export function loraName(linear: string, factor: 'A' | 'B'): string {
  return `${PEFT_PREFIX}${linear}.lora_${factor}.weight`;
}
