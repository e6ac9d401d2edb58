/** The part of a document that says whether anybody sees it. */
export type Watched = Pick<Document, 'hidden' | 'addEventListener' | 'removeEventListener'>;

/**
 * Asks at once and then `pause` milliseconds after each answer, until the function it returns is called. Not while the page
 * is hidden: then it asks as soon as it is seen again. `ask` never rejects.
 */
export function poll(ask: () => Promise<void>, pause: number, page: Watched = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let over = false;

  async function round() {
    clearTimeout(timer);
    if (asking || over || page.hidden) return;
    asking = true;
    await ask();
    asking = false;
    if (!over) timer = setTimeout(() => void round(), pause);
  }

  const seen = () => void round();
  page.addEventListener('visibilitychange', seen);
  void round();
  return () => {
    over = true;
    clearTimeout(timer);
    page.removeEventListener('visibilitychange', seen);
  };
}
