// What a lesson begins from: a model, data, a few settings.
import type { Teaching } from '../../protocol/lessons.ts';

export function LessonPanel({ chapter }: { chapter: Teaching }) {
  return <p class="soft">{chapter}</p>;
}
