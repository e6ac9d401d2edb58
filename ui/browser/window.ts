import { chromium, type Browser, type Page } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';

/** A development server and a Chromium, and pages in it that live under the app's own restrictions. */

/** As in tauri.conf.json, where a plain browser can keep it. */
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'";
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export class Window {
  readonly problems: string[] = [];
  #server!: ViteDevServer;
  #browser!: Browser;

  async open(): Promise<void> {
    const server = { port: 0, strictPort: false, hmr: false as const, headers: { 'Content-Security-Policy': CSP } };
    this.#server = await createServer({ root: new URL('..', import.meta.url).pathname, server, logLevel: 'error' });
    await this.#server.listen();
    this.#browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#server?.close();
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
    const base = this.#server.resolvedUrls?.local[0];
    await page.goto(`${base}${search}#${scene}`);
    await page.waitForSelector('[data-testid=home], [data-testid=lobby], [data-testid=call], [data-testid=sharing-bar]');
    return page;
  }
}
