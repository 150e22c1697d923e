// The page that lies beside the model of messages.ts: what it is, what it was made from, how well it does.

export interface PartFigures {
  /** 0 to 100. */
  bleu: number;
  /** Share of the messages that are translated to the letter as the compiler does. */
  exact: number;
  /** The first. */
  example: { source: string; target: string; text: string };
}

export interface MadeFrom {
  /** Of the package. */
  version: string;
  words: string;
  seed: number;
  epochs: number;
  train: number;
  test: number;
  parameters: number;
  figures: { train: PartFigures; test: PartFigures };
  /** BLEU on the held-out messages of what needs no network. */
  baselines: { wordByWord: number; copy: number };
}

export function messagesReadme(made: MadeFrom): string {
  const { version, words, seed, epochs, train, test, parameters, figures, baselines } = made;
  const row = (name: string, count: number, { bleu, exact }: PartFigures) =>
    `| ${name} | ${count} | ${bleu.toFixed(1)} | ${(100 * exact).toFixed(1)} % |`;
  return `# messages-en-fr

Translates what a compiler says from English into French: an encoder-decoder of ${parameters} parameters, made to be small enough to try
in a page. It knows the language of error messages and no other, and it has learned most of what it says by heart.

| messages | how many | BLEU, greedy | to the letter |
| --- | --- | --- | --- |
${row('learned', train, figures.train)}
${row('held out', test, figures.test)}

Beside it, on the messages held out: word by word with a dictionary of the learned ones ${baselines.wordByWord.toFixed(1)}, the English as it is
${baselines.copy.toFixed(1)}. Which are held out, a hash of their text says. So few pairs teach little that carries over to others.

Made by \`npx tsx scripts/recipes/messages.ts DIR --seed ${seed} --epochs ${epochs} --words ${words}\` from nothing but the messages of the
package \`typescript\` ${version}: \`ts.Diagnostics\` and \`lib/fr/diagnosticMessages.generated.json\`, those of at most ${words} English words.

The texts are Copyright (c) Microsoft Corporation, licensed under the Apache License 2.0
(https://www.apache.org/licenses/LICENSE-2.0). The vocabulary and the weights were made from them.
`;
}
