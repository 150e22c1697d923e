// The chapters: what one does with a model, in the order in which language models are built. What each shows stands in front of the
// run's charts; what it asks for, in the panel at the left.
import { later } from '../later.tsx';
import { store } from '../store.ts';
import { Tabs } from '../tabs.tsx';
import { CHAPTERS, type Chapter, chapter } from '../view.ts';
import { TITLES } from './names.ts';

const LessonPanel = later(async () => (await import('./lesson_panel.tsx')).LessonPanel, 'Lesson');
const LessonView = later(async () => (await import('./lesson_view.tsx')).LessonView, 'Lesson');
const Chat = later(async () => (await import('./chat.tsx')).Chat, 'Chat');
const Translate = later(async () => (await import('./translate.tsx')).Translate, 'Translate');

/** Chapters that teach a model which is there. */
const TEACHING = ['load', 'classify', 'instruct', 'lora', 'dpo'] as const;
type Teaching = (typeof TEACHING)[number];
const isTeaching = (name: Chapter): name is Teaching => TEACHING.some((each) => each === name);

export function ChapterTabs() {
  return <Tabs label="Chapters" chosen={chapter} tabs={CHAPTERS.map((name) => [name, TITLES[name]])} panel="chapter" />;
}

/** What a chapter asks for; null where the run's own panel stands. */
export function chapterPanel(): preact.JSX.Element | null {
  const name = chapter.value;
  if (isTeaching(name)) return <LessonPanel key={name} chapter={name} />;
  return store.ready.value?.lesson ? <Way /> : null;
}

/** What a chapter shows in front of the charts. */
export function ChapterView() {
  const name = chapter.value;
  return (
    <div id="chapter" role="tabpanel" aria-labelledby={`tab-${name}`} data-chapter={name}>
      {isTeaching(name) && <LessonView key={name} chapter={name} />}
      {name === 'chat' && <Chat />}
      {name === 'translate' && <Translate />}
    </div>
  );
}

/** In the other chapters while a lesson is the run, whose settings are none of theirs: the way back. */
function Way() {
  const lesson = store.ready.value?.lesson?.lesson;
  if (!lesson) return null;
  return (
    <section aria-label="A lesson runs">
      <p>The run below is the lesson {TITLES[lesson.chapter]}. What was trained here is saved.</p>
      <div class="buttons">
        <button type="button" onClick={() => store.send({ type: 'back' })}>
          Back to pretraining
        </button>
      </div>
    </section>
  );
}
