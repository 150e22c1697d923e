// How a score was counted, in one line, as sacreBLEU prints it: figures are comparable where these lines are equal.

/** The build of sacreBLEU whose numbers these are: test/golden/text holds some of them, to the last digits. */
export const SACREBLEU_VERSION = '2.x-f615c72';

/** @param references of each text */
export function signature(references: number, parts: Readonly<Record<string, string | number>>): string {
  const told = { nrefs: references, ...parts, version: SACREBLEU_VERSION };
  return Object.entries(told)
    .map(([name, value]) => `${name}:${value}`)
    .join('|');
}
