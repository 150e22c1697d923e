// The worker of the page: everything but the drawing.
import type { Command, News } from '../protocol.ts';
import { Session } from './session.ts';

const scope = globalThis as unknown as {
  postMessage(news: News, transfer: Transferable[]): void;
  onmessage: (event: { data: Command }) => void;
};

const session = new Session((news) => scope.postMessage(news, news.type === 'exported' ? [news.bytes.buffer] : []));
scope.onmessage = ({ data }) => session.handle(data);
