// Names of parameters and layers with `*` in them, which stands for any characters.

/** Whether a name is the pattern. Takes time by the length of the name, whatever the pattern. */
export function matches(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split('*') as [string, ...string[]];
  const last = rest.pop();
  if (last === undefined) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    at = name.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return at <= name.length - last.length;
}

/** Whether the pattern is a name, or the end of one from a dot on, as PEFT finds the modules that are meant. */
export function matchesEnd(pattern: string, name: string): boolean {
  return matches(pattern, name) || matches(`*.${pattern}`, name);
}

/** Names without the numbers of the blocks, of which each has the same; at most twenty. */
export function namesText(names: readonly string[]): string {
  const few = [...new Set(names.map((name) => name.replace(/\.\d+\./, '.0.')))];
  return `${few.slice(0, 20).join(', ')}${few.length > 20 ? ', …' : ''}`;
}
