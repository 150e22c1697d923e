// Which tensor is looked at, and which part and number of it; whoever shows a tensor's name can open it here.
import { batch, signal } from '@preact/signals';
import type { ValueGroup, ValueWindow } from '../../protocol/values.ts';
import { inside } from '../view.ts';

export const lookedGroup = signal<ValueGroup>('weights');
/** '' for the first of its group. */
export const lookedTensor = signal('');
/** null for all of it. */
export const lookedWindow = signal<ValueWindow | null>(null);
export const lookedCell = signal<{ row: number; column: number } | null>(null);

/** Another tensor of a group: all of it, no number chosen. */
export function lookAt(group: ValueGroup, name: string): void {
  batch(() => {
    lookedGroup.value = group;
    lookedTensor.value = name;
    lookedWindow.value = null;
    lookedCell.value = null;
  });
}

/** Opens the inspector on a tensor. @param name as the model's parameters are called */
export function openTensor(name: string, group: ValueGroup = 'weights'): void {
  batch(() => {
    lookAt(group, name);
    inside.value = 'weights';
  });
}
