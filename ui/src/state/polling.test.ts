import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { poll } from './polling';

/** A page that a test hides and shows. */
class Page extends EventTarget {
  hidden = false;

  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

describe('asking again and again', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function begin(answer: () => Promise<void> = async () => {}) {
    const page = new Page();
    const ask = vi.fn(answer);
    return { page: page as Page, ask, stop: poll(ask, 4_000, page as unknown as Document) };
  }

  it('asks at once, then after each pause, until it is stopped', async () => {
    const { ask, stop } = begin();
    expect(ask).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(8_100);
    expect(ask).toHaveBeenCalledTimes(3);
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('waits for an answer before it asks again', async () => {
    let answer = () => {};
    const { ask, stop } = begin(() => new Promise((resolve) => (answer = resolve)));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(1);
    answer();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(ask).toHaveBeenCalledTimes(2);
    stop();
    answer();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it('asks nothing while nobody looks, and at once when somebody does', async () => {
    const { page, ask, stop } = begin();
    page.turn(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(1);
    page.turn(false);
    expect(ask).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(ask).toHaveBeenCalledTimes(3);
    stop();
    page.turn(false);
    expect(ask).toHaveBeenCalledTimes(3);
  });
});
