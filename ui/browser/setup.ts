import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import type { TestProject } from 'vitest/node';

/**
 * What all test files share: the user interface with the scenes of src/dev, built once and served under the app's own
 * restrictions, and one Chromium, in which each test has a context of its own. Modules that a development server compiles
 * one by one would be half of the time of a test.
 */

/** As in tauri.conf.json, where a plain browser can keep it. */
const CSP =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'";
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the user interface is served. */
    page: string;
    /** Where the browser takes connections. */
    browser: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = new URL('..', import.meta.url).pathname;
  const outDir = await mkdtemp(join(tmpdir(), 'confab-ui-'));
  // Not for production: the scenes are in it, and Svelte's own checks.
  await build({ root, mode: 'development', logLevel: 'error', build: { outDir, emptyOutDir: true, minify: false } });
  const headers = { 'Content-Security-Policy': CSP };
  const server = await preview({ root, logLevel: 'error', build: { outDir }, preview: { port: 0, strictPort: false, headers } });
  const browser = await chromium.launchServer({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  project.provide('page', server.resolvedUrls?.local[0] ?? '');
  project.provide('browser', browser.wsEndpoint());
  return async () => {
    await browser.close();
    await server.close();
    await rm(outDir, { recursive: true });
  };
}
