// From a path that a user typed to the files of a model: a run folder (its best step), a step folder, or a Hugging Face folder.

import { basename } from 'node:path';
import { InputError } from '../errors.ts';
import { diskLayer, type FileLayer, fileSource, nameOfKind, readText, systemError } from './files.ts';
import type { WeightFiles } from './huggingface.ts';
import { firstTen, quoted } from './json.ts';
import { averageName } from './manifest.ts';
import { trimmed } from './run_place.ts';
import { INDEX_NAME, parseShardIndex, type ShardIndex } from './shards.ts';
import { listSteps, manifestName, pointedStep, stepName, stepOf, verifyStepFolder } from './step_folder.ts';

/** Bytes of config.json, generation_config.json and the like. */
export const maxConfigBytes = 2 ** 20;
const maxIndexBytes = 2 ** 24;

/**
 * The folder of config.json and weights that a path means. A run folder means its `best` step, or its `last` while none is best.
 * A folder with a manifest is verified to the byte.
 * @param marks files of which such a folder has one
 * @throws InputError saying what was found instead
 */
export function resolveModelDir(
  path: string,
  layer: FileLayer = diskLayer,
  marks: readonly string[] = ['config.json'],
): string {
  const folder = trimmed(path);
  const names = listFolder(folder, layer);
  if (marks.some((mark) => names.includes(mark))) return verified(folder, layer);
  const step = pointedStep(layer, folder, 'best') ?? pointedStep(layer, folder, 'last');
  if (step !== undefined) return verified(`${folder}/${stepName(step)}`, layer);
  const steps = listSteps(layer, folder);
  if (steps.length > 0) {
    throw new InputError(
      `${folder}: found step folders but neither "best" nor "last", expected one of them. Name a step: ${folder}/${stepName(steps.at(-1)!)}.`,
    );
  }
  throw new InputError(
    `${folder}: found ${listed(names)}, expected a run folder or a model folder with ${marks.join(' or ')}. Check the path.`,
  );
}

/** @throws InputError for what is no folder, or cannot be read */
export function listFolder(folder: string, layer: FileLayer): string[] {
  try {
    const found = layer.stat(folder);
    if (!found)
      throw new InputError(`${folder}: found nothing, expected a run folder or a model folder. Check the path.`);
    if (found.kind !== 'folder')
      throw new InputError(
        `${folder}: found ${nameOfKind(found)}, expected the folder that holds it. ${pickleAdvice(folder)}`.trim(),
      );
    return layer.list(folder);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${folder}: cannot be read: ${systemError(error)}, expected a model folder. Check the path.`, {
      cause: error,
    });
  }
}

function verified(folder: string, layer: FileLayer): string {
  // A checkpoint that was copied under another name still is one: its training state tells.
  const ours = stepOf(basename(folder)) !== undefined || layer.stat(`${folder}/training.json`) !== null;
  if (!ours || !layer.stat(`${folder}/${manifestName}`)) return folder;
  const reason = verifyStepFolder(layer, folder);
  if (reason === null) return folder;
  throw new InputError(
    `${folder}: ${reason}, expected what was saved. Name another step folder, or remove ${manifestName} if you changed the files yourself.`,
  );
}

function pickleAdvice(name: string): string {
  if (/\.safetensors$/.test(name)) return 'Name the folder.';
  if (!/\.(bin|pt|pth|ckpt)$/.test(name)) return 'Check the path.';
  return 'A PyTorch pickle can run foreign code and is never opened: convert it with save_pretrained(safe_serialization=True).';
}

/** A model's files, open for reading. */
export interface ModelFolder extends WeightFiles {
  readonly path: string;
  /** Text and name of config.json, as `parseModelConfig` takes them. */
  readonly config: string;
  readonly configName: string;
  close(): void;
}

export interface ModelFolderOptions {
  /** The averaged weights instead, which a run with --ema keeps beside the trained ones. */
  averaged?: boolean;
  layer?: FileLayer;
}

/**
 * Opens what `resolveModelDir` gave: config.json, and model.safetensors or the shards that its index names.
 * @throws InputError for a file that is missing, too large, or not readable, and for shard names that leave the folder
 */
export function openModelFolder(
  path: string,
  { averaged = false, layer = diskLayer }: ModelFolderOptions = {},
): ModelFolder {
  const names = listFolder(path, layer);
  const configName = `${path}/config.json`;
  const config = readLimited(configName, maxConfigBytes, layer);
  const sources: ReturnType<typeof fileSource>[] = [];
  const close = () => {
    for (const source of sources) source.close();
  };
  try {
    const { files, ...found } = averaged ? averageFile(path, names) : weightFiles(path, names, layer);
    for (const file of files) sources.push(fileSource(`${path}/${file}`, layer));
    return { path, config, configName, sources, index: found.index, close };
  } catch (error) {
    close();
    throw error instanceof InputError
      ? error
      : new InputError(
          `${path}: weights cannot be read: ${systemError(error)}, expected safetensors. Check the folder.`,
        );
  }
}

interface FoundWeights {
  readonly files: readonly string[];
  readonly index: ShardIndex | null;
}

function averageFile(path: string, names: readonly string[]): FoundWeights {
  if (names.includes(averageName)) return { files: [averageName], index: null };
  throw new InputError(
    `${path}: found no ${averageName}, expected averaged weights, which a run with --ema 0.999 keeps. Use the trained ones: --weights trained.`,
  );
}

function weightFiles(path: string, names: readonly string[], layer: FileLayer): FoundWeights {
  if (names.includes('model.safetensors')) return { files: ['model.safetensors'], index: null };
  if (names.includes(INDEX_NAME)) {
    const name = `${path}/${INDEX_NAME}`;
    const index = parseShardIndex(readLimited(name, maxIndexBytes, layer), name);
    const { shards } = index;
    const missing = shards.findIndex((shard) => !names.includes(shard));
    if (missing < 0) return { files: shards, index };
    throw new InputError(
      `${path}: shard ${missing + 1} of ${shards.length} is missing: expected ${quoted(shards[missing]!)}. Fetch it.`,
    );
  }
  const pickle = names.find((name) => /\.(bin|pt|pth|ckpt)$/.test(name));
  throw new InputError(
    `${path}: found ${listed(names)}, expected model.safetensors. ${pickle ? pickleAdvice(pickle) : 'Fetch it.'}`,
  );
}

/** The text of a file that must be there. @throws InputError if it is not, is too large, or cannot be read */
export function readLimited(path: string, limit: number, layer: FileLayer): string {
  try {
    const text = readText(layer, path, limit);
    if (text !== null) return text;
    const found = layer.stat(path);
    if (!found) throw new InputError(`${path}: found nothing, expected a file. Check the path.`);
    throw new InputError(
      `${path}: found ${found.kind === 'file' ? `${found.size} bytes` : nameOfKind(found)}, expected a file of at most ${limit} bytes. Check the path.`,
    );
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${path}: cannot be read: ${systemError(error)}, expected a readable file. Check its permissions.`,
      { cause: error },
    );
  }
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'an empty folder' : firstTen(names.map(quoted));
}
