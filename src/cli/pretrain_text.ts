// The text of a pretraining run: opened with its tokenizer, and what can be said of it before anything is learnt.
import fs from 'node:fs';
import path from 'node:path';
import { resolveModelDir } from '../checkpoint/model_folder.ts';
import { type Corpus, openCorpus } from '../data/corpus.ts';
import { quoted } from '../data/printable.ts';
import type { Tokenizer, TokenizerKind } from '../data/tokenizer.ts';
import { InputError } from '../errors.ts';
import type { PretrainSettings } from '../train/presets.ts';
import { runName } from '../train/run_name.ts';
import { readTokenizer, tokenCache } from './folders.ts';
import { type Fetching, isHubName, tokenizerFolder } from './model_place.ts';
import type { DataChoice } from './pretrain_data.ts';
import { RunShow } from './show.ts';

/**
 * Reads a text or several, by default Moby-Dick, into tokens.
 * @param checkpoint the folder whose tokenizer a resumed run goes on with
 * @throws InputError as openCorpus and readTokenizer
 */
export async function openText(
  { paths, weights, textField }: DataChoice,
  { tokenizer, validationPart }: Pick<PretrainSettings, 'validationPart'> & { tokenizer: string | Tokenizer },
  checkpoint: string | null,
  context: Fetching,
): Promise<Corpus> {
  const { out } = context;
  const show = new RunShow(out, { totalSteps: 0 });
  try {
    return await openCorpus({
      data: paths,
      weights: weights ?? undefined,
      textField,
      tokenizer: typeof tokenizer === 'string' ? await tokenizerFor(tokenizer, checkpoint, context) : tokenizer,
      validationPart,
      cacheDir: tokenCache(),
      onProgress: (p) =>
        p.kind === 'note' ? out.note(p.text) : show.phase(p.kind, p.total ? p.bytes / p.total : undefined),
    });
  } finally {
    show.end();
  }
}

/**
 * The tokenizer that was named: one of three by name, or a folder's.
 * @param checkpoint the folder whose tokenizer a run goes on with that was resumed, or that began from a model
 * @throws InputError, and as tokenizerFolder
 */
export async function tokenizerFor(
  name: string,
  checkpoint: string | null,
  context: Fetching,
): Promise<TokenizerKind | Tokenizer> {
  if (checkpoint !== null) return readTokenizer(checkpoint);
  if (name === 'char' || name === 'byte' || name === 'gpt2') return name;
  if (!isHubName(name) && !fs.existsSync(name))
    throw new InputError(
      `--tokenizer: found ${quoted(name)}, expected char, byte, gpt2, a folder with a tokenizer, or owner/name on the hub.`,
    );
  return folderTokenizer(name, context);
}

/**
 * The tokenizer of a folder of its own, of a model, of one on the hub, or of a run, which keeps it in its step folders.
 * @throws InputError, and as tokenizerFolder
 */
export async function folderTokenizer(named: string, context: Fetching): Promise<Tokenizer> {
  const place = await tokenizerFolder(named, context);
  const isRun = ['best', 'last'].some((pointer) => fs.existsSync(path.join(place, pointer)));
  return readTokenizer(isRun ? resolveModelDir(place) : place);
}

/** The run's name in `runs/NAME-N`: of the first text, or moby for the default book. */
export function nameOf(data: string | undefined, preset: string | null): string {
  if (data === undefined && preset?.startsWith('moby')) return 'moby';
  return runName(data ?? preset ?? 'run');
}
