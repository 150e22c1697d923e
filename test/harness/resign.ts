// A checkpoint that a person has changed, with a manifest that fits it again.
import { createHash } from 'node:crypto';
import fs from 'node:fs';

/** Writes the manifest of a step folder anew, so that only what its files say can be wrong. */
export function resign(folder: string): void {
  const { step } = JSON.parse(fs.readFileSync(`${folder}/manifest.json`, 'utf8'));
  const names = fs.readdirSync(folder).filter((name) => name !== 'manifest.json');
  const files = names.sort().map((name) => {
    const bytes = fs.readFileSync(`${folder}/${name}`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return `    "${name}": { "size": ${bytes.length}, "sha256": "${sha256}" }`;
  });
  const text = `{\n  "version": 1,\n  "step": ${step},\n  "files": {\n${files.join(',\n')}\n  }\n}\n`;
  fs.writeFileSync(`${folder}/manifest.json`, text);
}
