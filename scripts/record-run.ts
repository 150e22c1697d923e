// Records the run that the demo page shows before a visitor's own has begun: demo/recorded.json. It is the page's own default run,
// start to end, in a headless browser on the software adapter; nothing in the file is made up. About three minutes.
// `npx tsx scripts/record-run.ts [QUERY]`, where QUERY is a link's: `?steps=200` for a quick look.
import fs from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { News } from '../demo/protocol.ts';
import { debiasedAverage } from '../src/cli/curve.ts';
import { buildPage } from '../src/cli/demo/build.ts';
import { servePage } from '../src/cli/demo/serve.ts';
import { launchChromium } from '../src/cli/elsewhere/chromium.ts';
import { lossText } from '../src/cli/format.ts';
import type { RunEvent } from '../src/train/events.ts';

const file = fileURLToPath(new URL('../demo/recorded.json', import.meta.url));

/** Runs the page to its end. @returns everything that its worker said */
async function recordNews(query: string): Promise<News[]> {
  const { files } = await buildPage();
  const server = await servePage(files);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const news: News[] = [];
    const ended = new Promise<void>((done, fail) => {
      page.on('pageerror', fail);
      page.exposeFunction('tell', (each: News) => {
        news.push(each);
        if (each.type === 'event' && each.event.event === 'step' && each.event.step % 100 === 0)
          process.stderr.write(`step ${each.event.step}, loss ${lossText(each.event.loss)}\n`);
        if (each.type === 'error') fail(new Error(each.sentence));
        if (each.type === 'state' && each.state === 'done') done();
      });
    });
    // Listens beside the page.
    await page.addInitScript(() => {
      const Plain = Worker;
      globalThis.Worker = class extends Plain {
        constructor(...words: ConstructorParameters<typeof Plain>) {
          super(...words);
          this.addEventListener('message', ({ data }) =>
            (globalThis as unknown as { tell(news: unknown): void }).tell(data),
          );
        }
      };
    });
    await page.goto(server.address + query);
    await ended;
    return news;
  } finally {
    await browser.close();
    await server.close();
  }
}

function last<T extends News['type']>(news: readonly News[], type: T): Extract<News, { type: T }> {
  const found = news.findLast((each) => each.type === type);
  if (!found) throw new Error(`the page said nothing of its ${type}`);
  return found as Extract<News, { type: T }>;
}

const round = (value: number) => Number(value.toFixed(4));

const news = await recordNews(process.argv[2] ?? '');
const { settings, parameters, memory, parts, prompt } = last(news, 'ready');
const { name, characters, tokens, vocabSize, head, references, fits } = last(news, 'text');
const events = news.flatMap((each) => (each.type === 'event' ? [each.event] : []));
const of = <K extends RunEvent['event']>(kind: K) =>
  events.filter((event): event is Extract<RunEvent, { event: K }> => event.event === kind);
const average = debiasedAverage(of('step').map(({ step, loss }) => ({ step, value: loss })));
// The beginning step by step, then one in ten: an average has no spikes to lose.
const curve = average.filter(({ step }) => step <= 20 || step % 10 === 0 || step === average.length);
const recorded = {
  settings,
  adapter: last(news, 'adapter').name,
  parameters,
  memory,
  parts,
  prompt,
  text: { name, characters, tokens, vocabSize, head: head.slice(0, 600), references, fits },
  curve: curve.map(({ step, value }) => [step, round(value)]),
  validation: of('eval').map(({ step, validationLoss }) => [step, round(validationLoss)]),
  samples: of('sample').map(({ step, text }) => ({ step, text })),
  // Unrounded: the same page on the same adapter gives these to the last bit.
  firstLosses: of('step')
    .slice(0, 20)
    .map(({ loss }) => loss),
  parameterHash: of('end').at(-1)?.parameterHash,
};
fs.writeFileSync(file, `${JSON.stringify(recorded)}\n`);
process.stderr.write(`${file}: ${average.length} steps, ${of('sample').length} samples\n`);
