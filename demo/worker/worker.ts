// The worker of the page: everything but the drawing.
import type { Command, News } from '../protocol.ts';
import { Visit } from './visit.ts';

const scope = globalThis as unknown as {
  postMessage(news: News, transfer: Transferable[]): void;
  onmessage: (event: { data: Command }) => void;
};

const visit = new Visit((news) => scope.postMessage(news, news.type === 'exported' ? [news.bytes.buffer] : []));
scope.onmessage = ({ data }) => visit.handle(data);
