// What is shown on a terminal is made printable first: see the room that texts come from.
export { printable, quoted } from '../data/printable.ts';
