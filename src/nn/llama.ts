// Llama by its own name. Every family is made from its configuration by makeModel().
import { Decoder } from './decoder.ts';
import { type LlamaConfig, llamaSpec } from './llama_config.ts';
import type { ModelOptions } from './parameter_list.ts';

export { type LlamaConfig, llamaConfig } from './llama_config.ts';

export class Llama extends Decoder<LlamaConfig> {
  /** @throws InputError if the heads do not share the kv heads evenly, or a head's width is odd */
  constructor(config: LlamaConfig, options: ModelOptions) {
    super(config, llamaSpec(config), options);
  }
}
