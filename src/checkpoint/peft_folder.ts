// A folder with an adapter on a disk, as PEFT writes it: adapter_config.json and adapter_model.safetensors.
import { InputError } from '../errors.ts';
import { diskLayer, type FileLayer, fileSource, systemError } from './files.ts';
import { listFolder, maxConfigBytes, readLimited } from './model_folder.ts';
import { ADAPTER_NAME } from './peft.ts';
import { ADAPTER_CONFIG_NAME, type PeftConfig, parsePeftConfig } from './peft_config.ts';
import type { ByteSource } from './safetensors.ts';

export interface PeftFolder {
  readonly path: string;
  readonly config: PeftConfig;
  /** Of adapter_config.json, for messages. */
  readonly configName: string;
  readonly source: ByteSource;
  close(): void;
}

/** What an adapter is. @throws InputError as parsePeftConfig, and for a file that is missing or too large */
export function readPeftConfig(
  path: string,
  notes: string[] = [],
  layer: FileLayer = diskLayer,
): Pick<PeftFolder, 'config' | 'configName'> {
  const configName = `${path}/${ADAPTER_CONFIG_NAME}`;
  return { config: parsePeftConfig(readLimited(configName, maxConfigBytes, layer), configName, notes), configName };
}

/**
 * Opens an adapter.
 * @param notes takes remarks about keys that are ignored
 * @throws InputError for files that are missing, too large, not readable or not what PEFT writes
 */
export function openPeftFolder(path: string, notes: string[] = [], layer: FileLayer = diskLayer): PeftFolder {
  const described = readPeftConfig(path, notes, layer);
  const names = listFolder(path, layer);
  if (!names.includes(ADAPTER_NAME)) {
    const pickle = names.find((name) => /^adapter_model\.(bin|pt)$/.test(name));
    throw new InputError(
      `${path}: found ${pickle ? `${pickle}, a PyTorch pickle, which can run foreign code and is never opened` : `no ${ADAPTER_NAME}`}, expected ${ADAPTER_NAME}. ${pickle ? 'Save it with safe_serialization=True.' : 'Fetch it.'}`,
    );
  }
  try {
    const source = fileSource(`${path}/${ADAPTER_NAME}`, layer);
    return { path, ...described, source, close: () => source.close() };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${path}: ${ADAPTER_NAME} cannot be read: ${systemError(error)}, expected safetensors. Check its permissions.`,
      { cause: error },
    );
  }
}
