// inspect: what a training step does, as a table, before anything runs.
import { InputError } from '../errors.ts';
import { GPT2, gpt2Config } from '../nn/gpt2.ts';
import { AdamW } from '../optim/adamw.ts';
import { printPlan, printTrace } from '../schedule/plan.ts';
import { languageTask } from '../tasks/language.ts';
import { Trainer } from '../train/trainer.ts';
import { WORKLOADS } from './bench/workloads.ts';
import { defineCommand } from './command.ts';
import { defineFlags } from './flags.ts';
import { refuseSizes, refuseTooLarge } from './forecast.ts';
import { byteText, grouped } from './format.ts';
import { plannedBatch } from './loss_batches.ts';
import { deviceFor } from './open_device.ts';

const flags = defineFlags([
  {
    name: 'workload',
    type: 'choice',
    choices: Object.keys(WORKLOADS),
    help: 'sizes of a fixed workload instead of the flags below',
  },
  { name: 'layers', type: 'integer', min: 1, max: 1000, default: 2, help: 'transformer blocks' },
  { name: 'heads', type: 'integer', min: 1, max: 1024, default: 2, help: 'attention heads a block' },
  { name: 'width', type: 'integer', min: 4, max: 131072, default: 32, help: 'numbers a token is made of' },
  {
    name: 'context',
    type: 'integer',
    min: 1,
    max: 1048576,
    default: 64,
    unit: 'tokens',
    help: 'longest stretch of text',
  },
  { name: 'batch', type: 'integer', min: 1, max: 1048576, default: 8, unit: 'windows', help: 'a step' },
  { name: 'vocabulary', type: 'integer', min: 1, max: 1e8, default: 81, unit: 'tokens', help: 'different tokens' },
  {
    name: 'trace',
    type: 'text',
    placeholder: 'NAME',
    example: 'h.0.attn',
    help: "one tensor's life, or that of all in a part of the model",
  },
]);

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'prints the plan of a training step: every dispatch with its kernel, values, buffers and grid',
  flags,
  examples: ['inspect --layers 1 --width 32', 'inspect --workload TINY --trace h.3.attn'],
  async run(context, given) {
    const { out } = context;
    const workload = given.workload === undefined ? undefined : WORKLOADS[given.workload];
    const config =
      workload?.config ??
      gpt2Config({
        vocabSize: given.vocabulary,
        blockSize: given.context,
        nEmbd: given.width,
        nLayer: given.layers,
        nHead: given.heads,
      });
    const batch = workload?.batch ?? given.batch;
    const device = await deviceFor(context, given);
    try {
      const sizes = { layers: config.nLayer, width: config.nEmbd, context: config.blockSize, batch };
      refuseSizes(device, config, sizes);
      const model = new GPT2(config, { seed: given.seed });
      const optimizer = new AdamW(model.parameters);
      const trainer = new Trainer({ machine: device, model, optimizer, task: languageTask() });
      const plan = device.plan(trainer.stepFunction, plannedBatch(batch, config.blockSize));
      const memory = refuseTooLarge(device, [plan], sizes);
      if (out.json) {
        if (given.trace !== undefined)
          throw new InputError('--trace: found together with --json, expected one of the two.');
        const dispatches = plan.dispatches.map(({ kernel, op, form, scope, workgroups, bindings }) => ({
          kernel,
          op,
          form,
          scope,
          workgroups,
          values: Object.fromEntries(bindings.map((b) => [b.name, b.value?.shape ?? null])),
        }));
        out.emit({ memory, dispatches });
        return 0;
      }
      out.print(given.trace === undefined ? printPlan(plan) : printTrace(plan, given.trace));
      const classes = Object.entries(memory).map(([name, bytes]) => `${name} ${byteText(bytes)}`);
      out.print(
        `\n${grouped(plan.dispatches.length)} dispatches, ${new Set(plan.dispatches.map((d) => d.kernel)).size} kernels; ${classes.join(', ')}`,
      );
      return 0;
    } finally {
      device.close();
    }
  },
});
