import { describe, expect, it } from 'vitest';
import { focused, gone, id, page, show, until, visible } from './stage';

/** A window of a program, not a page in a browser. */

const tips = () => page.locator('.tip').count();

describe('a menu of the web view', () => {
  const opens = (selector: string) =>
    page.locator(selector).first().evaluate((element) => element.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true })));

  it('is nowhere but where there is text to copy or to paste into', async () => {
    await show('chat');
    await id('toggle-chat').click();
    await id('chat-text').first().waitFor();
    for (const selector of ['[data-testid=call]', '[data-testid=tile]', '[data-testid=toggle-mic]', '[data-testid=chat-text]', '[data-testid=chat-text] a', '.banners']) {
      expect(await opens(selector), selector).toBe(false);
    }
    expect(await opens('[data-testid=chat-input]')).toBe(true);
    await page.locator('[data-testid=chat-text]').first().evaluate((text) => getSelection()?.selectAllChildren(text));
    expect(await opens('[data-testid=chat-text]')).toBe(true);
    await show('sharing', { width: 360, height: 56 }, 'dark', '?view=sharing');
    expect(await opens('[data-testid=sharing-bar]')).toBe(false);
  });
});

describe('zoom', () => {
  const zoom = () => page.locator('html').getAttribute('data-zoom');

  it('follows the keys and the wheel, and is remembered', async () => {
    await show('home');
    await page.keyboard.press('Control+=');
    await page.keyboard.press('Control+=');
    await until('it is larger', () => document.documentElement.dataset.zoom === '1.25');
    await page.keyboard.press('Control+-');
    await until('it is smaller', () => document.documentElement.dataset.zoom === '1.1');
    await page.reload();
    await visible('home');
    await until('it is as it was', () => document.documentElement.dataset.zoom === '1.1');
    await page.keyboard.press('Control+0');
    await until('it is as designed', () => document.documentElement.dataset.zoom === '1');
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, 100);
    await page.keyboard.up('Control');
    await until('the wheel makes it smaller', () => document.documentElement.dataset.zoom === '0.9');
    await id('settings-open').click();
    await visible('settings');
    await page.keyboard.press('Control+0');
    await until('it goes in a dialog, too', () => document.documentElement.dataset.zoom === '1');
    expect(await zoom()).toBe('1');
  });
});

describe('the focus', () => {
  const inside = () => page.evaluate(() => document.activeElement !== document.body && document.activeElement !== null);

  it('goes somewhere after every change of what fills the window', async () => {
    await show('lobby');
    expect(await inside()).toBe(true);
    await page.keyboard.press('Enter');
    await visible('call');
    await until('it is in the call', () => document.activeElement !== document.body);
    await id('leave-call').click();
    await visible('home');
    await until('it is in the home', () => document.activeElement?.tagName === 'MAIN');
    await page.keyboard.press('Tab');
    expect(await inside()).toBe(true);
  });

  it('stays when what had it goes', async () => {
    await show('notices');
    await id('notice').first().getByRole('button', { name: 'Dismiss' }).focus();
    await page.keyboard.press('Enter');
    await until('one is gone', () => document.querySelectorAll('[data-testid=notice]').length === 1);
    await until('the focus has a place', () => document.activeElement !== document.body);
    await show('chat');
    await id('toggle-chat').click();
    await page.locator('ol').evaluate((element) => element.scrollTo({ top: 0 }));
    await page.getByRole('button', { name: 'Newer messages' }).press('Enter');
    await until('it is in the draft', () => document.activeElement?.getAttribute('data-testid') === 'chat-input');
  });
});

describe('a tip', () => {
  it('is for who goes there, and not left behind by a dialog', async () => {
    await show('call-3');
    await id('settings-open').focus();
    await page.keyboard.press('Enter');
    await visible('settings');
    await page.keyboard.press('Escape');
    await gone('settings');
    expect(await focused('settings-open')).toBe(true);
    await page.waitForTimeout(500);
    expect(await tips()).toBe(0);
    await page.keyboard.press('Tab');
    await page.locator('.tip').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.tip').waitFor({ state: 'detached' });
  });

  it('that says the name is not read out a second time', async () => {
    await show('call-3');
    await page.locator('[data-testid=tile][data-peer=p1]').hover();
    const pin = page.locator('[data-testid=tile][data-peer=p1] [data-testid=pin-tile]');
    await pin.hover();
    await page.locator('.tip').getByText('Show Ben Okafor large').waitFor();
    expect(await pin.getAttribute('title')).toBeNull();
    expect(await pin.getAttribute('aria-describedby')).toBeNull();
  });
});

describe('a narrow window', () => {
  it('has the rest of the controls in a menu', async () => {
    await show('call-3', { width: 360, height: 640 });
    await id('more-open').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Settings' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await visible('settings');
    await page.getByRole('tab', { name: 'Network' }).click();
    await id('settings-server').waitFor();
    await page.keyboard.press('Escape');
    await gone('settings');
    await until('the focus has a place', () => document.activeElement !== document.body);
  });

  it('keeps the microphone within reach while one writes', async () => {
    await show('call-3', { width: 360, height: 640 });
    await id('toggle-chat').click();
    await id('chat-input').fill('hello');
    await id('toggle-mic').click();
    expect(await id('toggle-mic').getAttribute('aria-pressed')).toBe('false');
    await id('toggle-chat').click();
    await gone('chat-input');
    await page.locator('[data-testid=tile]').first().waitFor();
  });
});
