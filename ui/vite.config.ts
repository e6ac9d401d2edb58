import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The bundle runs in WebKitGTK 2.46 and later, WebView2 and WKWebView of the same age; the CSS relies on
// light-dark() and oklch(), which an older target would make the minifier rewrite.
const target = ['safari17.5', 'chrome123'];

export default defineConfig({
  plugins: [svelte()],
  base: './',
  clearScreen: false,
  server: { port: 1420, strictPort: true },
  build: {
    target,
    cssTarget: target,
    outDir: 'dist',
    emptyOutDir: true,
    // The strict CSP forbids inline scripts, and every target preloads modules by itself.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
