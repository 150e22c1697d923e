// A conversation with the model before and after its lesson, side by side: both are asked the same, and write at the same time.
import { useSignal } from '@preact/signals';
import { printable } from '../../../src/data/printable.ts';
import type { Answer } from '../answers.ts';
import type { Side } from '../replies.ts';
import { store } from '../store.ts';
import { chapter } from '../view.ts';
import { WriterPick, writerOf } from '../writer_pick.tsx';
import { runningLesson } from './lesson_draft.ts';
import { TITLES } from './names.ts';

const TOKENS = 100;
/** Turns before the last one that stay in view. */
const SHOWN = 4;

interface Turn {
  asked: string;
  answers: Partial<Record<Side, string>>;
}

export function Chat() {
  const typed = useSignal<string | null>(null);
  const temperature = useSignal(0);
  const remember = useSignal(false);
  const turns = useSignal<readonly Turn[]>([]);
  const lesson = runningLesson()?.lesson ?? null;
  const other = writerOf();
  const classifies = lesson?.chapter === 'classify';
  const writes = lesson !== null && !classifies && !other;
  const sides: readonly Side[] = writes ? ['base', 'tuned'] : ['tuned'];
  // Both are asked in the form that the lesson taught.
  const chats = other?.chats ?? (writes && (store.shelf.value.find(({ id }) => id === 'taught')?.chats ?? false));
  const answers = sides.map((side) => store.replies.talks[side].value);
  const writing = answers.some((answer) => answer !== null && !answer.done);
  const text = typed.value ?? (chats ? 'Define boat' : other ? 'Once upon a time' : 'Call me ');
  const cancel = () => {
    for (const answer of answers) if (answer && !answer.done) store.send({ type: 'cancel', id: answer.id });
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (writing) return cancel();
    const before = lastTurn(sides);
    if (before) turns.value = [...turns.value, before];
    for (const side of sides) {
      const messages = [
        ...(remember.value ? turns.value.flatMap((turn) => messagesOf(turn, side)) : []),
        { role: 'user' as const, content: text },
      ];
      const plain = { prompt: chats ? '' : text, temperature: temperature.value, topK: 0, maxNewTokens: TOKENS };
      store.replies.talk(side, text, { ...plain, side: other?.id ?? side, ...(chats && { messages }) });
    }
  };
  return (
    <section id="chat" aria-label="Chat" data-sides={sides.length} data-chats={chats}>
      <h2>
        Chat <span class="soft">at any time, also while it trains</span>
      </h2>
      <p class="soft">{formText(chats, classifies && !other, other !== null)}</p>
      {!writes && !other && (
        <p>
          After a lesson the model stands beside what it began from. A model from elsewhere can be dropped in Load:{' '}
          <button type="button" onClick={() => (chapter.value = 'instruct')}>
            {TITLES.instruct}
          </button>{' '}
          <button type="button" onClick={() => (chapter.value = 'load')}>
            {TITLES.load}
          </button>
        </p>
      )}
      <form onSubmit={submit}>
        <input
          class="mono grow"
          aria-label={chats ? 'Message' : 'Prompt'}
          dir="auto"
          maxLength={2000}
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => (typed.value = event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={!store.ready.value || text.trim() === ''}>
          {writing ? 'Cancel' : 'Ask'}
        </button>
        <WriterPick own={lesson && !classifies ? 'before and after the lesson' : 'the model of this run'} />
        <label class="small" title="0 takes the likeliest token each time">
          temperature{' '}
          <input
            type="number"
            class="mono"
            min={0}
            max={5}
            step={0.1}
            value={temperature.value}
            onChange={({ currentTarget: box }) => {
              if (box.valueAsNumber >= 0 && box.valueAsNumber <= 5) temperature.value = box.valueAsNumber;
              box.value = String(temperature.value);
            }}
          />
        </label>
        {chats && (
          <label class="switch">
            <input
              type="checkbox"
              checked={remember.value}
              onChange={(event) => (remember.value = event.currentTarget.checked)}
            />{' '}
            with the turns before
          </label>
        )}
      </form>
      <div class="talks">
        {sides.map((side) => (
          <Column
            key={side}
            side={side}
            turns={turns.value}
            answer={store.replies.talks[side].value}
            alone={!writes}
            name={other?.name}
          />
        ))}
      </div>
    </section>
  );
}

function formText(chats: boolean, classifies: boolean, other: boolean): string {
  if (classifies)
    return 'The lesson that runs tells classes apart and writes nothing. Its text box stands in its chapter.';
  return chats
    ? `Your words are put in the form that ${other ? 'the model brings' : 'the lesson taught'}; the answer is what the model writes behind them.`
    : 'This model has no form for conversations: it goes on with your words.';
}

/** What was asked last, once all have answered it. */
function lastTurn(sides: readonly Side[]): Turn | null {
  const last = sides.map((side) => [side, store.replies.talks[side].peek()] as const);
  const asked = last[0]?.[1]?.prompt;
  if (asked === undefined || last.some(([, answer]) => answer?.prompt !== asked || !answer.done)) return null;
  return { asked, answers: Object.fromEntries(last.map(([side, answer]) => [side, answer!.text])) };
}

function messagesOf({ asked, answers }: Turn, side: Side) {
  const answer = answers[side];
  if (answer === undefined) return [];
  return [
    { role: 'user' as const, content: asked },
    { role: 'assistant' as const, content: answer },
  ];
}

interface ColumnProps {
  side: Side;
  turns: readonly Turn[];
  answer: Answer | null;
  alone: boolean;
  name?: string | undefined;
}

function Column({ side, turns, answer, alone, name }: ColumnProps) {
  const title = name
    ? printable(name, true)
    : alone
      ? 'The model'
      : side === 'base'
        ? 'Before the lesson'
        : 'After the lesson';
  return (
    <div data-side={side} data-writing={answer ? !answer.done : undefined}>
      <h3>{title}</h3>
      <div class="turns" role="log" aria-label={title}>
        {turns.slice(-SHOWN).map((turn, i) => (
          <Said key={i} asked={turn.asked} text={turn.answers[side] ?? ''} />
        ))}
        {answer ? (
          <Said asked={answer.prompt} text={answer.text} error={answer.error} writing={!answer.done} />
        ) : (
          <p class="soft">Nothing asked yet.</p>
        )}
      </div>
    </div>
  );
}

interface SaidProps {
  asked: string;
  text: string;
  error?: string | null;
  writing?: boolean;
}

function Said({ asked, text, error = null, writing = false }: SaidProps) {
  return (
    <pre class="answer">
      <span class="soft">{printable(asked)}</span>
      {'\n'}
      <span data-text>{printable(text)}</span>
      {text.trim() === '' && error === null && (
        <span class="soft">{writing ? '…' : text === '' ? '(it ended at once)' : '(it wrote spaces alone)'}</span>
      )}
      {error && <span class="problem">{`\n${printable(error, true)}`}</span>}
    </pre>
  );
}
