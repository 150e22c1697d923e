// The commands, in the order in which help lists them.
import { bench } from './bench/bench.ts';
import type { Command } from './command.ts';
import { convert } from './convert.ts';
import { demo } from './demo/demo.ts';
import { devices } from './devices.ts';
import { evaluate } from './evaluate.ts';
import { finetune } from './finetune/finetune.ts';
import { generate } from './generate.ts';
import { golden } from './golden/golden.ts';
import { inspect } from './inspect.ts';
import { predict } from './predict.ts';
import { pretrain } from './pretrain.ts';
import { tokenizer } from './tokenizer.ts';
import { translate } from './translate.ts';

export const commands: ReadonlyMap<string, Command> = new Map(
  [
    pretrain,
    finetune,
    generate,
    predict,
    translate,
    evaluate,
    tokenizer,
    convert,
    golden,
    bench,
    inspect,
    devices,
    demo,
  ].map((c) => [c.name, c]),
);
