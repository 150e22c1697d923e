// The curves as a table, for those who read rather than look.
import { Fragment } from 'preact';
import { lossText, metricName, shortNumber } from '../../src/cli/format.ts';
import { grouped } from '../../src/data/counted.ts';
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
  const metrics = [...store.record.metrics].filter(([, { train, validation }]) => train.length + validation.length > 0);
  const count = Math.min(ROWS, steps.length);
  const chosen = Array.from({ length: count }, (_, i) => Math.round((i * (steps.length - 1)) / Math.max(1, count - 1)));
  const baselines = store.ready.value?.lesson?.prepared.baselines ?? [];
  return (
    <div class="scroll">
      {baselines.length > 0 && (
        <p class="small" data-compared={baselines.length}>
          Without a network: {baselines.map(({ name, value, unit }) => `${name} ${lossText(value)} ${unit}`).join(', ')}
          .
        </p>
      )}
      <table>
        <thead>
          <tr>
            {['step', 'loss, average', 'validation', 'learning rate', 'gradient norm', ...heads(metrics)].map(
              (head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ),
            )}
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
              {metrics.map(([name, metric]) => (
                <Fragment key={name}>
                  <td>{figure(metric.train[i])}</td>
                  <td>{figure(metric.validation.findLast(({ step }) => step <= steps[i]!)?.value)}</td>
                </Fragment>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Each figure of a lesson twice: of its step, and as validated last. */
const heads = (metrics: readonly [string, unknown][]) =>
  metrics.flatMap(([name]) => [metricName(name), `${metricName(name)}, validation`]);

const figure = (value: number | null | undefined) => (typeof value === 'number' ? lossText(value) : '-');
