// The baseline of summaries: news tells the most important thing first.

/**
 * The first sentence of a document: to the first full stop, question or exclamation mark (and quotes or brackets behind it) that white
 * space follows, or to the first line break; all of it where there is none.
 */
export function leadSentence(document: string): string {
  const text = document.trim();
  return /^.*?(?:[.!?…]["'”’»)\]]*(?=\s)|[。！？][”’」』）]*|$)/mu.exec(text)![0].trim();
}
