/** The same text without the longer one that it was cut from: engines keep the whole of a text alive for a part of it. */
export function ownCopy(part: string): string {
  return `.${part}`.slice(1);
}
