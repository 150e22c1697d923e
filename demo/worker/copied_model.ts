// A model that is asked beside the run: put onto its machine for the first request, and given back when nobody asks any more.
import { InputError, type LanguageModel, loadModel, TokenGenerator } from '../../src/index.ts';
import type { Precision } from '../../src/tensor/tensor.ts';
import type { Writer } from './any_run.ts';
import { type BaseModel, bareModel } from './base_model.ts';
import { type Home, limitsOfPage } from './home.ts';

export function copiedGenerator(
  home: Home,
  base: BaseModel,
  dtype: Precision,
): Required<Pick<Writer, 'generator' | 'rest'>> {
  const { machine } = home;
  let copy: LanguageModel | null = null;
  let generator: TokenGenerator | null = null;
  const rest = () => {
    generator?.release();
    if (copy) machine.release(copy.parameters);
    [generator, copy] = [null, null];
  };
  return {
    rest,
    async generator() {
      if (generator) return generator;
      refuseMisfit(home, 4 * base.parameters);
      copy = bareModel(base.config);
      try {
        await loadModel(machine, copy, base.weights);
      } catch (error) {
        rest();
        throw error;
      }
      return (generator = new TokenGenerator(machine, copy, dtype));
    },
  };
}

/** @throws InputError where so many more bytes do not fit */
function refuseMisfit(home: Home, bytes: number): void {
  const { total, says } = limitsOfPage(home);
  const live = home.device?.shared.buffers.liveBytes ?? 0;
  if (live + bytes <= total) return;
  throw new InputError(
    `base: a model beside the run needs ${bytes} bytes more beside ${live}, ${says} ${total}. Ask the model of the run alone.`,
  );
}
