// What a token is made of, for its tint. Pure.
export function kindOf(text: string): 'space' | 'capital' | 'letter' | 'mark' {
  if (/^\s+$/.test(text)) return 'space';
  if (/\p{Lu}/u.test(text)) return 'capital';
  return /\p{L}/u.test(text) ? 'letter' : 'mark';
}
