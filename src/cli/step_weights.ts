// The weights of a step folder.
import { diskLayer, fileSource } from '../checkpoint/files.ts';
import { openModelFolder } from '../checkpoint/model_folder.ts';
import { openPeftFolder } from '../checkpoint/peft_folder.ts';
import type { SavedWeights } from '../train/saved_weights.ts';

/** @param path a step folder   @throws InputError, when they are asked for: as openModelFolder, openPeftFolder and fileSource */
export function weightsOnDisk(path: string): SavedWeights {
  return {
    model: (averaged) => openModelFolder(path, averaged ? { averaged } : {}),
    adapter() {
      const folder = openPeftFolder(path, [], diskLayer);
      return { sources: [folder.source], close: () => folder.close() };
    },
    file(name) {
      const source = fileSource(`${path}/${name}`);
      return { sources: [source], close: () => source.close() };
    },
  };
}
