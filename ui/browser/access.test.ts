import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { id, page, show } from './stage';

/** Every screen against the rules of axe-core (WCAG 2.2 A and AA), dark and light; and nothing outside the window. */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const screens: [scene: string, open?: string][] = [
  ['home'],
  ['home', 'settings-open'],
  ['lobby'],
  ['unknown-server'],
  ['bad-link'],
  ['lobby-trouble'],
  ['lobby-bare'],
  ['lobby-many'],
  ['call-3', 'toggle-share'],
  ['share-refused', 'toggle-share'],
  ['lobby-silent', 'test-sound'],
  ['share-system', 'toggle-share'],
  ['share-empty', 'toggle-share'],
  ['sharing'],
  ['two-screens'],
  ['alone'],
  ['call-2'],
  ['call-3', 'toggle-chat'],
  ['chat', 'toggle-chat'],
  ['volumes', 'toggle-people'],
  ['states'],
  ['server-lost'],
  ['notices'],
  ['long-names'],
  ['long-names', 'toggle-people'],
  ['alone-again'],
  ['lobby-closed'],
];

/** Runs axe once nothing moves any more. */
async function check(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document.getAnimations().every((animation) => animation.playState !== 'running' || animation.effect?.getTiming().iterations === Infinity),
  );
  await page.evaluate(axe);
  const { violations } = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
  });
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)).toEqual([]);
}

describe.each(['home', 'home-first', 'home-error', 'lobby', 'lobby-bare'])('%s in light', (scene) => {
  it('is accessible', async () => {
    await show(scene, undefined, 'light');
    if (scene === 'home-error') await id('start-call').click();
    await check(page);
  });
});

describe('the bar over a shared screen', () => {
  it('is accessible', async () => {
    await show('sharing', { width: 360, height: 56 }, 'dark', '?view=sharing');
    await page.getByText('You’re sharing').waitFor();
    await check(page);
  });
});

describe.each(screens)('%s', (scene, open) => {
  it.each([
    { width: 360, height: 640 },
    { width: 720, height: 480 },
    { width: 1280, height: 800 },
  ])('is accessible and fits $width×$height', async (size) => {
    await show(scene, size);
    if (open) await id(open).click();
    // A tip over what was pressed is not part of the screen.
    await page.mouse.move(0, 0);
    await check(page);
    const outside = await page.evaluate(() => [
      Math.max(0, document.documentElement.scrollWidth - innerWidth),
      Math.max(0, document.documentElement.scrollHeight - innerHeight),
    ]);
    expect(outside).toEqual([0, 0]);
  });
});
