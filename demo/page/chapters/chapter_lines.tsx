// What the open chapter is about, below the drawing of the model.
import { chapter, closeSheets } from '../view.ts';
import { LINES } from './lines.ts';
import { TITLES } from './names.ts';

export function ChapterLines() {
  const { lines, next, follows } = LINES[chapter.value];
  const go = () => {
    closeSheets();
    chapter.value = follows;
    // The tab that is now open: who reads with the keyboard goes on from there.
    requestAnimationFrame(() => document.getElementById(`tab-${follows}`)?.focus());
  };
  return (
    <section aria-label="About this chapter" class="about" data-lines={chapter.value}>
      <h3>{TITLES[chapter.value]}</h3>
      <ol>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
        <li>
          {next}{' '}
          <button type="button" onClick={go}>
            {TITLES[follows]}
          </button>
        </li>
      </ol>
    </section>
  );
}
