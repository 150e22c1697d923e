// What a lesson will train on, before its first step, and what it has taught.
import type { Teaching } from '../../protocol/lessons.ts';

export function LessonView({ chapter }: { chapter: Teaching }) {
  return <p class="soft">{chapter}</p>;
}
