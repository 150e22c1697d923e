// Whether the question is asked what stopping means. No part of the view: a link does not ask it.
import { signal } from '@preact/signals';

export const stopOpen = signal(false);
