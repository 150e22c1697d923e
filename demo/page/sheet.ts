// Which dialogs are open that a key can open too.
import { signal } from '@preact/signals';

export const sheetOpen = signal(false);
export const stopOpen = signal(false);
