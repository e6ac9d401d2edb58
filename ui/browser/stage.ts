import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Window } from './window';

/** The window of a test file, and words for what is done and seen in it. A page must end without an error. */

const window = new Window();

/** The page that was shown last. */
export let page: Page;

export const show = async (...scene: Parameters<Window['show']>) => (page = await window.show(...scene));
export const id = (name: string) => page.getByTestId(name);
export const visible = (name: string) => id(name).waitFor();
export const gone = (name: string) => id(name).waitFor({ state: 'detached' });
export const focused = (name: string) => id(name).evaluate((element) => element === document.activeElement);
export const until = (what: string, condition: () => boolean) =>
  page.waitForFunction(condition).catch(() => expect.fail(`never happened: ${what}`));

beforeAll(() => window.open());
afterAll(() => window.close());
afterEach(async () => {
  expect(window.problems).toEqual([]);
  await page.context().close();
});
