// The page's line to its worker: where it is loaded from, what it is told first, and what is said when it is gone.
import { effect } from '@preact/signals';
import { type Command, type News, TAB_HIDDEN } from '../protocol.ts';
import type { Store } from './store.ts';

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(address: string): string },
  ): {
    createScriptURL(address: string): string;
  };
}

/** Starts the worker and opens the run that the page's address asks for. */
export function connect(store: Store): void {
  const worker = new Worker(workerAddress(), { type: 'module' });
  const send = (command: Command) => worker.postMessage(command, transfers(command));
  worker.onmessage = ({ data }: MessageEvent<News>) => store.take(data);
  worker.onerror = (event) => {
    event.preventDefault();
    store.trouble.value = {
      sentence: `The part of the page that trains has ended (${event.message || 'it cannot be loaded'}). What was saved is kept. Reload the page to go on from there.`,
      offers: [],
      reload: true,
    };
  };
  store.connect(send);
  send({ type: 'open', search: location.search, hidden: document.hidden });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) store.flush();
  });
  // A tab that was opened in the background begins when somebody looks at it: nothing is shown before.
  effect(() => {
    if (store.state.value?.waitsBecause === TAB_HIDDEN) store.send({ type: 'go' });
  });
}

/** Under the page's policy an address of a script is text until this one policy has seen it. */
function workerAddress(): string {
  const address = new URL('worker.js', document.baseURI).href;
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy('app', {
    createScriptURL(text) {
      if (text !== address) throw new TypeError(`${text}: not the worker of this page`);
      return text;
    },
  });
  return policy?.createScriptURL(address) ?? address;
}

function transfers(command: Command): ArrayBuffer[] {
  const files = command.type === 'import' || command.type === 'load';
  return files ? command.files.map(({ bytes }) => bytes.buffer) : [];
}
