// How counts are written in sentences.

/** 1234567 -> "1,234,567". */
export function grouped(n: number): string {
  return Number.isFinite(n) ? String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',') : 'unknown';
}

/** 1 -> "1 spike", 2 -> "2 spikes". */
export function counted(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`;
}
