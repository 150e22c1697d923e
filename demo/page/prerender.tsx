// Draws the page once when it is built: what a visitor sees before any script runs.
import { renderToString } from 'preact-render-to-string';
import { App } from './app.tsx';

export const drawPage = (): string => renderToString(<App />);
