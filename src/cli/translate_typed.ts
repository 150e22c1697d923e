// translate at a terminal: a line is typed, its translation comes token by token, and the next line is asked for.
import { InputError } from '../errors.ts';
import type { CommandContext } from './command.ts';
import type { Translating } from './translate.ts';
import { isWritten, sourceIds } from './translator_folder.ts';
import { TypedLines } from './typed_lines.ts';

/** 128 + SIGTERM: that ends the program, whenever it comes. */
const TERMINATED = 143;

/** @returns the exit code */
export async function typedTexts(context: CommandContext, parts: Translating): Promise<number> {
  const { out, signal } = context;
  out.note('translate: a line is a text; Ctrl-D ends');
  const lines = new TypedLines(signal, out.json ? process.stderr : process.stdout);
  try {
    for (;;) {
      const line = await lines.next();
      if (line === null || signal.requested) return signal.exitCode;
      if (line.trim() === '') continue;
      try {
        await translated(context, parts, line);
      } catch (error) {
        // What cannot be read is told, and the next line may be better.
        if (!(error instanceof InputError)) throw error;
        out.warn(error.message);
      }
      if (signal.exitCode === TERMINATED || out.stdoutClosed) return signal.exitCode;
      // Ctrl-C has stopped the translation, not the conversation.
      signal.forget();
    }
  } finally {
    lines.close();
    parts.translator.release();
  }
}

async function translated(
  { out }: CommandContext,
  { loaded, translator, answers, options }: Translating,
  line: string,
): Promise<void> {
  const { ids: source, cut } = sourceIds(loaded, line);
  if (cut)
    out.note(
      `this text is longer than the ${loaded.model.blockSize - 1} tokens that the model reads: its beginning is translated`,
    );
  if (source.length === 0) return;
  if (options.beams > 1 || out.json) {
    const [translation] = await translator.translate([source], options);
    if (!options.stopped!()) await answers.tell(source, translation!);
    return;
  }
  const ids: number[] = [];
  const decoder = loaded.target.decoder();
  for await (const id of translator.stream(source, options)) {
    ids.push(id);
    if (isWritten(loaded, id)) out.stream(decoder.push(id));
  }
  out.stream(decoder.end());
  if (options.stopped!()) out.print();
  else await answers.tell(source, { ids, score: 0, ended: true }, true);
}
