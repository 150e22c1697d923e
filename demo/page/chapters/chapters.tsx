// The chapters: what one does with a model, in the order in which language models are built. What each shows stands in front of the
// run's charts; what it asks for, in the panel at the left.
import { later } from '../later.tsx';
import { Tabs } from '../tabs.tsx';
import { CHAPTERS, type Chapter, chapter } from '../view.ts';

const TITLES: Readonly<Record<Chapter, string>> = {
  pretrain: 'Pretrain',
  load: 'Load',
  classify: 'Classify',
  instruct: 'Instruct',
  lora: 'LoRA',
  dpo: 'DPO',
  chat: 'Chat',
  translate: 'Translate',
};

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
  return isTeaching(name) ? <LessonPanel key={name} chapter={name} /> : null;
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
