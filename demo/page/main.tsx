// The page's script: takes over the page as it was drawn beforehand, and starts the worker.
import './language.ts';
import { hydrate } from 'preact';
import { keepAddress } from './address.ts';
import { App } from './app.tsx';
import { connect } from './connect.ts';
import { refuseStrayFiles } from './drops.ts';
import { listenToKeys } from './keys.ts';
import { store } from './store.ts';
import { watchWidth } from './view.ts';

// The worker loads while the page is taken over.
connect(store);
hydrate(<App />, document.getElementById('app')!);
watchWidth();
listenToKeys(store);
refuseStrayFiles();
keepAddress(store);
