// The curves as a table, for those who read rather than look.
import { grouped, lossText, shortNumber } from '../../src/cli/format.ts';
import { Foldout } from './foldout.tsx';
import { store } from './store.ts';

const ROWS = 25;

export function NumbersTable() {
  return (
    <Foldout name="numbers" title="The numbers">
      <Rows />
    </Foldout>
  );
}

function Rows() {
  store.version.value;
  const { steps, average, learningRate, gradNorm, validation } = store.record;
  const count = Math.min(ROWS, steps.length);
  const chosen = Array.from({ length: count }, (_, i) => Math.round((i * (steps.length - 1)) / Math.max(1, count - 1)));
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {['step', 'loss, average', 'validation', 'learning rate', 'gradient norm'].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {chosen.map((i) => (
            <tr key={steps[i]}>
              <th scope="row">{grouped(steps[i]!)}</th>
              <td>{lossText(average[i])}</td>
              <td>{lossText(validation.findLast(({ step }) => step <= steps[i]!)?.loss)}</td>
              <td>{shortNumber(learningRate[i] ?? Number.NaN)}</td>
              <td>{shortNumber(gradNorm[i] ?? Number.NaN)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
