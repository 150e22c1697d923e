// What the command knows of its run, as the tasks ask for it.

import { printable } from '../../data/printable.ts';
import type { RowsRequest, Tell } from '../../finetune/opened.ts';
import type { LanguageBase } from '../../finetune/trained_model.ts';
import type { ModelConfig } from '../../nn/families.ts';
import type { CommandContext } from '../command.ts';
import { dataFile, hashOfFile } from './data_file.ts';
import type { TaskRequest } from './task.ts';

export type LanguageRequest = TaskRequest<ModelConfig>;

/** Lines of the data, safe to show. */
export function tellOn({ out }: Pick<CommandContext, 'out'>): Tell {
  const note = (line: string) => out.note(printable(line, true));
  return {
    ...{ note, figures: note },
    warn: (line) => out.warn(printable(line, true)),
  };
}

/** The model of a run. */
export function baseOf({ config, tokenizer, beginning, resumed }: LanguageRequest): LanguageBase {
  return { config, tokenizer, fresh: beginning.name === null && resumed === null };
}

/** A run over a file of rows. @throws InputError as dataFile and hashOfFile */
export function rowsRequest(request: LanguageRequest): RowsRequest {
  const { context, settings, seed, resumed } = request;
  const file = dataFile(request);
  return {
    ...{ ...baseOf(request), settings, seed },
    chosen: context.given,
    resumed: resumed !== null,
    data: { name: file, hash: hashOfFile(file) },
    tell: tellOn(context),
    stop: () => context.signal.requested,
  };
}
