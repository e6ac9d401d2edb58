import { chromium, type Browser, type Page } from 'playwright-core';
import { inject } from 'vitest';

/** Pages of the shared browser that live under the app's own restrictions. */

export class Window {
  readonly problems: string[] = [];
  #browser!: Browser;

  async open(): Promise<void> {
    this.#browser = await chromium.connect(inject('browser'));
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }

  /** Shows a scene of src/dev/scenes.ts. */
  async show(scene: string, size = { width: 1280, height: 800 }, colorScheme: 'dark' | 'light' = 'dark', search = ''): Promise<Page> {
    this.problems.length = 0;
    const context = await this.#browser.newContext({ viewport: size, colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('console', (line) => line.type() === 'error' && this.problems.push(line.text()));
    // As Tauri's freezePrototype does.
    await page.addInitScript(() => Object.freeze(Object.prototype));
    await page.goto(`${inject('page')}${search}#${scene}`);
    // A lobby is entered by a link that arrives when the home is already shown.
    await page.waitForSelector(scene.startsWith('lobby') ? '[data-testid=lobby]' : '[data-testid=home], [data-testid=call], [data-testid=sharing-bar], [data-testid=unknown-server]');
    return page;
  }
}
