import { byteText } from '../../src/cli/format.ts';

/**
 * What a run takes of the memory. Its plan is the most that it takes itself: what is above that was made beside it, to look inside or to
 * ask another model.
 * @param planned bytes   @param measured bytes of all that is held; undefined before the first step
 */
export function memoryText(planned: number, measured: number | undefined): string {
  if (measured === undefined) return `${byteText(planned)} planned`;
  if (measured <= planned) return `${byteText(measured)} of ${byteText(planned)} planned`;
  return `${byteText(planned)} planned, ${byteText(measured - planned)} beside`;
}
