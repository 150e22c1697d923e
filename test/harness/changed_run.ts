// An exported run whose settings a person has changed, with a manifest that fits them again.
import type { RunFile } from '../../demo/protocol.ts';
import { manifestName, manifestText, Sha256 } from '../../src/index.ts';

const nameOf = ({ path }: RunFile) => path.split('/').at(-1)!;

/** @param files of a run folder with one save */
export function changedRun(files: readonly RunFile[], settings: Record<string, unknown>): RunFile[] {
  const inSave = (file: RunFile) => /(^|\/)step-\d+\//.test(file.path);
  const save = files.filter(inSave).map((file) => {
    if (nameOf(file) !== 'training.json') return file;
    const state = JSON.parse(new TextDecoder().decode(file.bytes));
    Object.assign(state.settings, settings);
    return { ...file, bytes: new TextEncoder().encode(JSON.stringify(state)) };
  });
  const lines = save
    .filter((file) => nameOf(file) !== manifestName)
    .map((file) => ({ name: nameOf(file), size: file.bytes.length, sha256: new Sha256().update(file.bytes).hex() }));
  const step = Number(/step-(\d+)\//.exec(save[0]!.path)![1]);
  const manifest = new TextEncoder().encode(manifestText(step, lines));
  const signed = save.map((file) => (nameOf(file) === manifestName ? { ...file, bytes: manifest } : file));
  return [...signed, ...files.filter((file) => !inSave(file))];
}
