// The page's one HTML file: the template of demo/index.html with its places filled in. Pure.

/** A place in the template: `<!--policy-->`. */
const place = /<!--(\w+)-->/g;

/**
 * Fills every place of a template.
 * @param parts what stands at each place, by name
 * @throws Error for a place without a part, or a part without a place: one of the two has been renamed
 */
export function fillTemplate(template: string, parts: Readonly<Record<string, string>>): string {
  const left = new Set(Object.keys(parts));
  const filled = template.replace(place, (_, name: string) => {
    const part = Object.hasOwn(parts, name) ? parts[name] : undefined;
    if (part === undefined) throw new Error(`demo/index.html: no part is made for the place <!--${name}-->`);
    left.delete(name);
    return part;
  });
  if (left.size > 0) throw new Error(`demo/index.html: found no place <!--${[...left][0]}-->`);
  return filled;
}
