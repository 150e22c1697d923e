// What a lesson will train on, before its first step; and what it has taught.
import { useEffect } from 'preact/hooks';
import { byteText } from '../../../src/cli/format.ts';
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { PreparedLesson, Teaching } from '../../protocol/lessons.ts';
import { store } from '../store.ts';
import { Exports } from './exports.tsx';
import { keepPrepared, preparedOf, runningLesson, runsHere, whyNotTeach } from './lesson_draft.ts';
import { MaskRows } from './mask_rows.tsx';
import { TITLES } from './names.ts';
import { DATA } from './titles.ts';
import { TryText } from './try_text.tsx';

export function LessonView({ chapter }: { chapter: Teaching }) {
  useEffect(() => keepPrepared(chapter), [chapter]);
  const said = preparedOf(chapter);
  const running = runningLesson();
  const here = runsHere(chapter);
  const prepared = said?.prepared ?? null;
  return (
    <section
      id="lesson"
      aria-label={TITLES[chapter]}
      data-lesson={chapter}
      data-prepared={said ? (prepared ? 'yes' : 'no') : 'asked'}
      data-runs={running?.lesson.chapter}
    >
      <h2>
        {TITLES[chapter]}{' '}
        <span class="soft">{here ? 'this lesson is the run' : 'before the run: what it would train on'}</span>
      </h2>
      {running && !here && (
        <p class="soft">
          The run below is the lesson {TITLES[running.lesson.chapter]}, as it was begun. What stands here is what would
          be next.
        </p>
      )}
      {prepared ? <Prepared {...{ prepared, chapter, here }} /> : <Missing chapter={chapter} />}
      {here && chapter === 'classify' && <TryText />}
      {here && <Exports />}
    </section>
  );
}

function Missing({ chapter }: { chapter: Teaching }) {
  const failed = preparedOf(chapter)?.error != null;
  return <p class={failed ? 'problem wrap' : 'soft'}>{printable(whyNotTeach(chapter) ?? '', true)}</p>;
}

function Prepared({ prepared, chapter, here }: { prepared: PreparedLesson; chapter: Teaching; here: boolean }) {
  const { data, rows, classes, baselines, notes, parameters, trainedParameters, bytes } = prepared;
  const share = trainedParameters / parameters;
  return (
    <>
      <dl class="facts wide">
        <Fact name="data">{printable(data, true) || DATA[chapter].builtin}</Fact>
        <Fact name="rows to learn from">{grouped(rows.train)}</Fact>
        <Fact name="to validate on">{grouped(rows.validation)}</Fact>
        {rows.test > 0 && <Fact name="to test">{grouped(rows.test)}</Fact>}
        <Fact name="parameters trained" data={{ 'data-trained': trainedParameters, 'data-of': parameters }}>
          {grouped(trainedParameters)} of {grouped(parameters)}
          {share < 1 && ` (${shareText(share)})`}
        </Fact>
        {prepared.settings.loraR > 0 && <Fact name="adapter">{byteText(4 * trainedParameters)}</Fact>}
        <Fact name="memory">{byteText(bytes)}</Fact>
      </dl>
      {baselines.length > 0 && (
        <p data-baselines={baselines.length}>
          What needs no network:{' '}
          {baselines
            .map(({ name, value, unit }) =>
              unit === 'accuracy' ? `${name}: ${percent(value)} right` : `${name}: ${value.toFixed(3)} nats`,
            )
            .join(', ')}
          . {here ? 'The charts below have it beside the lesson.' : toBeat(baselines)}
        </p>
      )}
      {classes.length > 0 && <Classes classes={classes} />}
      <MaskRows shown={prepared.shown} counts={prepared.counts} />
      {notes.length > 0 && (
        <ul class="soft small-notes">
          {notes.map((note) => (
            <li key={note} class="wrap">
              {printable(note, true)}
            </li>
          ))}
        </ul>
      )}
      {here && <Ended />}
    </>
  );
}

/** What is asked of a lesson: nothing is more often right than always. */
function toBeat(baselines: PreparedLesson['baselines']): string {
  return baselines.some(({ value, unit }) => unit === 'accuracy' && value >= 1)
    ? 'No lesson can do better; this one can do as well.'
    : 'The lesson has to do better.';
}

interface FactProps {
  name: string;
  data?: Record<`data-${string}`, number>;
  children: preact.ComponentChildren;
}

function Fact({ name, data, children }: FactProps) {
  return (
    <div {...data}>
      <dt>{name}</dt>
      <dd class="wrap">{children}</dd>
    </div>
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const shareText = (share: number) => (share < 0.001 ? 'under 0.1 %' : percent(share));

function Classes({ classes }: { classes: PreparedLesson['classes'] }) {
  const most = Math.max(...classes.map(({ rows }) => rows));
  const shown = classes.slice(0, 20);
  return (
    <>
      <h3>{classes.length} classes, and how many rows each has</h3>
      <ul class="bars" data-classes={classes.length}>
        {shown.map(({ name, rows }) => (
          <li key={name}>
            <span class="wrap">{printable(name, true)}</span>
            <i style={{ width: `${(100 * rows) / most}%` }} />
            <span class="mono">{grouped(rows)}</span>
          </li>
        ))}
      </ul>
      {classes.length > shown.length && <p class="soft">And {classes.length - shown.length} more.</p>}
    </>
  );
}

/** Figures that are measured once more at the end. */
function Ended() {
  store.version.value;
  const { ending } = store.record;
  if (!ending) return null;
  const texts = (['validation', 'test'] as const).flatMap((part) => {
    const figures = ending[part];
    if (figures === null || typeof figures !== 'object') return [];
    const numbers = Object.entries(figures).filter((each): each is [string, number] => typeof each[1] === 'number');
    const said = numbers.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(', ');
    return said ? [`${part === 'test' ? 'On the test rows' : 'On the validation rows'}: ${said}.`] : [];
  });
  return texts.length > 0 ? <p data-ended>{texts.join(' ')}</p> : null;
}
