/** 2 -> "2 s ago"; seconds, minutes, hours or days, whichever reads best. Pure. */
export function agoText(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}
