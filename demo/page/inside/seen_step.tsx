// What stands above everything that is looked at: of which step it is, and why there is nothing newer.
import { grouped } from '../../../src/data/counted.ts';
import { printable } from '../../../src/data/printable.ts';
import type { Kind } from '../../protocol/questions.ts';
import type { Shown } from './use_answer.ts';

export function SeenStep({ shown, children }: { shown: Shown<Kind>; children?: preact.ComponentChildren }) {
  const { answer, step, error } = shown;
  return (
    <>
      {error && (
        <p class="problem" role="alert">
          {printable(error, true)}
        </p>
      )}
      {answer ? (
        <p class="soft" data-seen={step}>
          After step {grouped(step)}. {children}
        </p>
      ) : (
        !error && <p class="soft">looking</p>
      )}
    </>
  );
}
