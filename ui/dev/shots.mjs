// Takes a picture of every scene of src/dev/scenes.ts: node dev/shots.mjs [OUT] [SCENE,SCENE…] [WIDTHxHEIGHT,…] [dark,light]
// Needs Chromium (CHROMIUM, else /usr/bin/chromium). Prints errors of the page, and what lies outside the window.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';

const list = (text, fallback) => (text ? text.split(',') : fallback);
const out = process.argv[2] ?? '/tmp/ui-shots';
const names = list(process.argv[3], ['home', 'alone', 'call-2', 'call-3', 'call-5', 'call-9']);
const sizes = list(process.argv[4], ['900x600', '1280x800', '1920x1080']).map((size) => size.split('x').map(Number));
const schemes = list(process.argv[5], ['dark']);

// What a person does in a scene before the picture is taken.
const acts = {
  'home-error': async (page) => page.getByTestId('start-call').click(),
  joining: async (page) => page.getByTestId('start-call').click(),
  chat: async (page) => page.keyboard.press('c'),
  'chat-empty': async (page) => page.keyboard.press('c'),
  people: async (page) => page.keyboard.press('p'),
  share: async (page) => page.keyboard.press('s'),
  'settings-video': async (page) => {
    await page.getByTestId('settings-open').click();
    await page.getByTestId('settings-video').click();
    await page.getByTestId('settings-preview').click();
  },
  'settings-general': async (page) => {
    await page.getByTestId('settings-open').click();
    await page.getByTestId('settings-general').click();
  },
  'settings-network': async (page) => {
    await page.getByTestId('settings-open').click();
    await page.getByTestId('settings-network').click();
  },
  'settings-unsaved': async (page) => {
    await page.getByTestId('settings-open').click();
    await page.getByTestId('settings-echo').click();
    await page.getByTestId('settings-network').click();
    await page.getByTestId('settings-server').fill('meet');
    await page.getByTestId('settings-save').click();
  },
  'lobby-settings': async (page) => {
    await page.getByTestId('settings-open').click();
    await page.getByTestId('settings-video').click();
  },
  'silent-settings': async (page) => {
    await page.getByTestId('settings-open').click();
    await page.getByTestId('settings').getByTestId('test-sound').click();
    await page.getByTestId('settings').getByTestId('test-sound-failed').waitFor();
  },
  'picker-many': async (page) => page.getByTestId('pick-microphone').click(),
  'share-system': async (page) => page.keyboard.press('s'),
  'share-empty': async (page) => page.keyboard.press('s'),
  more: async (page) => page.getByTestId('more-open').click(),
  'long-people': async (page) => page.keyboard.press('p'),
  'lobby-silent': async (page) => {
    await page.getByTestId('test-sound').click();
    await page.getByTestId('test-sound-failed').waitFor();
  },
  'share-asking': async (page) => {
    await page.keyboard.press('s');
    await page.getByTestId('share-go').click();
  },
  'share-many': async (page) => page.keyboard.press('s'),
  'share-failed': async (page) => {
    await page.keyboard.press('s');
    await page.getByTestId('share-go').click();
  },
  'share-refused': async (page) => page.keyboard.press('s'),
  volumes: async (page) => page.keyboard.press('p'),
  pin: async (page) => page.locator('[data-testid=tile][data-peer=p2]').hover(),
  'busy-chat': async (page) => page.keyboard.press('c'),
  'chat-notices': async (page) => page.keyboard.press('c'),
  'picker-open': async (page) => page.getByTestId('pick-speaker').click(),
  settings: async (page) => page.getByTestId('settings-open').click(),
  'home-link': async (page) => page.getByTestId('link-input').fill('https://meet.example.org/r/weekly-planning'),
  'home-nameless': async (page) => page.getByTestId('start-call').click(),
  tip: async (page) => page.getByTestId('toggle-mic').hover(),
  'notice-more': async (page) => page.getByRole('button', { name: 'More' }).first().click(),
  faded: async (page) => page.waitForFunction(() => !document.querySelector('.bar')?.classList.contains('visible')),
};
const scenes = { more: 'call-3', 'long-people': 'long-names', 'lobby-settings': 'lobby', 'silent-settings': 'lobby-silent', 'share-asking': 'share-system', 'settings-unsaved': 'unsaved', 'picker-many': 'lobby-many', pin: 'call-3', 'busy-chat': 'sharing-busy', 'chat-notices': 'notices', people: 'call-5', settings: 'home', share: 'call-3', 'settings-video': 'home', 'settings-general': 'home', 'settings-network': 'home', 'picker-open': 'lobby', 'settings-call': 'call-3', 'home-link': 'home', 'home-nameless': 'home-first', tip: 'call-3', 'notice-more': 'notices', faded: 'call-2' };

// Built once: a development server compiles modules one by one.
const root = new URL('..', import.meta.url).pathname;
process.env.NODE_ENV = 'development';
const outDir = mkdtempSync(join(tmpdir(), 'confab-shots-'));
await build({ root, mode: 'development', logLevel: 'error', build: { outDir, emptyOutDir: true, minify: false } });
const server = await preview({ root, logLevel: 'error', build: { outDir }, preview: { port: 0, strictPort: false } });
const base = server.resolvedUrls.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
mkdirSync(out, { recursive: true });

for (const name of names) {
  for (const scheme of schemes) {
    for (const [width, height] of sizes) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
      const page = await context.newPage();
      page.on('pageerror', (error) => console.log(`${name}: ${error}`));
      page.on('console', (line) => ['error', 'warning'].includes(line.type()) && console.log(`${name}: ${line.text()}`));
      await page.goto(`${base}#${scenes[name] ?? name}`);
      await page.waitForSelector('[data-testid=home], [data-testid=unknown-server], [data-testid=lobby], [data-testid=call]');
      const videos = await page.locator('[data-testid=tile-video]').count();
      if (videos > 0) {
        await page.waitForFunction((n) => [...document.querySelectorAll('[data-testid=tile-video]')].filter((e) => +e.dataset.frames > 1).length >= n, videos, { timeout: 20_000 }).catch(() => console.log(`${name}: some of ${videos} pictures never came`));
      }
      await acts[name]?.(page);
      await page.waitForTimeout(name === 'tip' ? 800 : 700);
      const outside = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]);
      if (outside.some((pixels) => pixels > 0)) console.log(`${name} ${width}x${height}: ${outside} pixels outside the window`);
      await page.screenshot({ path: `${out}/${name}-${width}-${scheme}.png` });
      await context.close();
    }
  }
}
await browser.close();
await server.close();
rmSync(outDir, { recursive: true });
