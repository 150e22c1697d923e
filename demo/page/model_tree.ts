// The model's tensors gathered into the boxes that are drawn: tables, blocks with their parts, the last norm, the head. Pure.
import type { ModelPart } from '../protocol.ts';

export interface ModelBox {
  /** In words: "attention". */
  title: string;
  /** What it does, in a few words. */
  about: string;
  tensors: ModelPart[];
  bytes: number;
  /** What kernels name it: `h.0.attn`, `h.0.attn.norm`. null for what is done in one with another box. */
  part: string | null;
}

export interface ModelGroup {
  /** Empty for what stands by itself; "block 1 of 2". */
  title: string;
  boxes: ModelBox[];
}

/** By the piece of a tensor's name that tells its module: GPT-2's and Llama's words. */
const KNOWN: Record<string, [title: string, about: string]> = {
  wte: ['token table', 'each token becomes a row of numbers'],
  embed_tokens: ['token table', 'each token becomes a row of numbers'],
  wpe: ['position table', 'and so does its place'],
  ln_1: ['norm', 'brings numbers to one size'],
  input_layernorm: ['norm', 'brings numbers to one size'],
  attn: ['attention', 'looks back at the tokens before'],
  self_attn: ['attention', 'looks back at the tokens before'],
  ln_2: ['norm', 'brings numbers to one size'],
  post_attention_layernorm: ['norm', 'brings numbers to one size'],
  pre_feedforward_layernorm: ['norm', 'brings numbers to one size'],
  mlp: ['network', 'thinks about each token by itself'],
  post_feedforward_layernorm: ['norm', 'brings numbers to one size'],
  ln_f: ['norm', 'once more at the end'],
  norm: ['norm', 'once more at the end'],
  lm_head: ['head', 'a number for each next token'],
  score: ['classes', 'a number for each class'],
  base_model: ['adapter', 'two thin matrices beside each that is changed'],
};

/** By module what a part is called within its block, or at the top. */
const PARTS: Record<string, string> = {
  ...{ wte: 'embed', embed_tokens: 'embed', ln_f: 'ln_f', norm: 'norm', lm_head: 'head' },
  ...{ attn: 'attn', self_attn: 'attn', mlp: 'mlp', ln_1: 'attn.norm', input_layernorm: 'attn.norm' },
  ...{ ln_2: 'mlp.norm', post_attention_layernorm: 'mlp.norm', pre_feedforward_layernorm: 'mlp.norm' },
};

function partOf(module: string, block: string, name: string): string | null {
  const part = Object.hasOwn(PARTS, module) ? PARTS[module]! : null;
  if (part === null || !/^\d+$/.test(block)) return part;
  return `${/(?:^|\.)layers\./.test(name) ? 'layers' : 'h'}.${block}.${part}`;
}

/** Groups in the order of the model. A tensor whose module is not known gets a box of its own name. */
export function modelTree(parts: readonly ModelPart[]): ModelGroup[] {
  const groups = new Map<string, Map<string, ModelPart[]>>();
  for (const part of parts) {
    const words = part.name.split('.').filter((word) => word !== 'transformer' && word !== 'model');
    const block = /^\d+$/.test(words[1] ?? '') ? words[1]! : '';
    const module = (block ? words[2] : words[0]) ?? part.name;
    // What stands behind the blocks is no group with what stands before them.
    const key = block || (groups.size > 1 || [...groups.keys()].some((each) => /^\d/.test(each)) ? 'end' : 'begin');
    const modules = groups.get(key) ?? new Map<string, ModelPart[]>();
    groups.set(key, modules.set(module, [...(modules.get(module) ?? []), part]));
  }
  const blocks = [...groups.keys()].filter((key) => /^\d+$/.test(key)).length;
  return [...groups].map(([key, modules]) => ({
    title: /^\d+$/.test(key) ? `block ${Number(key) + 1} of ${blocks}` : '',
    boxes: [...modules].map(([module, tensors]) => {
      const [title, about] = (Object.hasOwn(KNOWN, module) && KNOWN[module]) || [module, ''];
      const bytes = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
      return { title, about, tensors, bytes, part: partOf(module, key, tensors[0]!.name) };
    }),
  }));
}
