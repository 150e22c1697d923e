// Where a model lies that a person names: in a folder here, or on the hub, from which it is fetched once.
import fs from 'node:fs';
import { fetchFromHub, type HubFiles, hubOptions, hubPlace } from '../checkpoint/hub.ts';
import { InputError, StoppedError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import { byteText } from './format.ts';
import { RateLine } from './rate_line.ts';

/** What a fetch needs of a command. */
export type Fetching = Pick<CommandContext, 'out' | 'env' | 'signal'>;

/**
 * Whether a name is one of the hub: `owner/name`, perhaps with `@revision`, where nothing of that name lies here. Neither a path that
 * begins with . or / or ~ is one, nor one whose first folder is here, nor one below `runs`, where runs are kept: what was meant to be
 * local never leaves this machine.
 */
export function isHubName(place: string): boolean {
  if (hubPlace(place) === null || fs.existsSync(place)) return false;
  const [first] = place.split('/');
  return first !== 'runs' && !fs.existsSync(first!);
}

/**
 * The folder of --model; one of the hub is fetched where the cache lacks it, with a line that says how far it is.
 * @throws InputError where none was named; InputError and RunError as fetchFromHub; StoppedError where a signal asked to stop: the
 *   next call goes on from there
 */
export async function modelFolder(place: string | undefined, context: Fetching): Promise<string> {
  if (place === undefined)
    throw new InputError('--model: found nothing, expected a folder with a model. For example: --model runs/moby-1');
  return isHubName(place) ? fetched(place, context, 'model') : place;
}

/** The folder of a tokenizer, of which the hub is asked for no more than it takes to encode a text. @throws as modelFolder */
export async function tokenizerFolder(place: string, context: Fetching): Promise<string> {
  return isHubName(place) ? fetched(place, context, 'tokenizer') : place;
}

async function fetched(place: string, { out, env, signal }: Fetching, files: HubFiles): Promise<string> {
  const line = new RateLine(out, `fetching ${place}`, byteText);
  const onProgress = ({ done, total, fetched: here }: { done: number; total: number; fetched: number }) =>
    line.update(done, total, done - here);
  const options = hubOptions(env);
  // Whoever meant a folder here sees at once that another name is looked up elsewhere.
  if (!options.offline) out.note(`model: ${place} is no folder here, so it is looked up at ${options.endpoint}`);
  try {
    const telling = { onProgress, note: (text: string) => out.note(text), stop: () => signal.requested };
    const folder = await fetchFromHub(hubPlace(place)!, options, telling, files);
    if (folder === null) throw new StoppedError();
    return folder;
  } finally {
    line.end();
  }
}
