import { describe, expect, it } from 'vitest';
import { focused, gone, id, page, show, until, visible } from './stage';

describe('sharing', () => {
  it('offers screens and windows, shares one, says so and stops', async () => {
    await show('call-3');
    await page.keyboard.press('s');
    await visible('share-dialog');
    await id('share-source').first().waitFor();
    expect(await id('share-source').count()).toBe(6);
    await page.getByRole('radio', { name: 'Inbox' }).click();
    await id('share-go').click();
    await gone('share-dialog');
    await page.getByText('You’re sharing Inbox').waitFor();
    await id('stop-share').click();
    await gone('share-banner');
  });

  it('has the sound of the computer go along where there is any', async () => {
    await show('call-3');
    await page.keyboard.press('s');
    await id('share-sound').click();
    await id('share-go').click();
    await page.getByText(/^You’re sharing .* and the computer’s sound$/).waitFor();
    await show('share-empty');
    await page.keyboard.press('s');
    await visible('share-dialog');
    expect(await id('share-sound').count()).toBe(0);
  });

  it('is begun and ended by key alone', async () => {
    await show('call-3');
    await page.keyboard.press('s');
    await until('the first source has the focus', () => document.activeElement?.getAttribute('data-testid') === 'share-source');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByText('You’re sharing Dell U2720Q').waitFor();
    await gone('share-dialog');
    await page.keyboard.press('s');
    await gone('share-banner');
  });

  it('leaves the focus where it was: on the button, and in the call once it ends', async () => {
    await show('call-3');
    await id('toggle-share').focus();
    await page.keyboard.press('Enter');
    await until('the first source has the focus', () => document.activeElement?.getAttribute('data-testid') === 'share-source');
    await page.keyboard.press('Escape');
    await gone('share-dialog');
    expect(await focused('toggle-share')).toBe(true);
    await page.keyboard.press('Enter');
    await until('the first source has the focus', () => document.activeElement?.getAttribute('data-testid') === 'share-source');
    await page.keyboard.press('Enter');
    await gone('share-dialog');
    expect(await focused('toggle-share')).toBe(true);
    await id('stop-share').focus();
    await page.keyboard.press('Enter');
    await gone('share-banner');
    expect(await focused('call')).toBe(true);
    await page.getByText('You no longer share your screen').waitFor({ state: 'attached' });
  });

  it.each([
    [720, false],
    [720, true],
    [1280, false],
    [1280, true],
  ])('is stopped although a notice is shown: %i pixels wide, panel %s', async (width, panel) => {
    await show('sharing-busy', { width, height: 480 });
    if (panel) await page.keyboard.press('c');
    await visible('notice');
    if (panel) await page.getByRole('button', { name: 'Close' }).click({ trial: true });
    await id('stop-share').click();
    await gone('share-banner');
    expect(await id('notice').count()).toBe(1);
  });

  it('ends by the button that began it', async () => {
    await show('sharing');
    expect(await id('toggle-share').getAttribute('aria-pressed')).toBe('true');
    await id('toggle-share').click();
    await gone('share-banner');
    expect(await id('toggle-share').getAttribute('aria-pressed')).toBe('false');
    expect(await id('share-dialog').count()).toBe(0);
  });

  it('that fails leaves the choice open, and says why above it', async () => {
    await show('share-failed');
    await page.keyboard.press('s');
    await id('share-go').focus();
    await page.keyboard.press('Enter');
    await id('share-refused').getByText('Your screen can’t be captured.').waitFor();
    expect(await focused('share-go')).toBe(true);
    expect(await id('notice').count()).toBe(0);
    expect(await id('share-source').count()).toBe(6);
  });

  it('leaves the choice to the system where that asks, and says there if nothing was chosen', async () => {
    await show('share-system');
    await page.keyboard.press('s');
    await page.getByText('Your desktop will ask which screen or window to share.').waitFor();
    expect(await id('share-source').count()).toBe(0);
    await until('the way on has the focus', () => document.activeElement?.getAttribute('data-testid') === 'share-go');
    const asking = until('it says that the desktop asks', () => document.querySelector('[data-testid=share-dialog]')?.textContent?.includes('Choose in the window that your desktop opened.') === true);
    await page.keyboard.press('Enter');
    await asking;
    await until('the answer is there', () => document.querySelector('[data-testid=share-go][aria-busy]') === null);
    await id('share-refused').getByText('Nothing was chosen, so you are not sharing.').waitFor();
    expect(await id('notice').count()).toBe(0);
    expect(await id('share-dialog').count()).toBe(1);
    await id('share-dialog').getByRole('button', { name: 'Cancel' }).click();
    await gone('share-dialog');
  });

  it.each([
    ['share-empty', 'There is nothing to share here.'],
    ['share-refused', 'Screens can’t be shared on this system.'],
  ])('offers nothing where there is nothing: %s', async (scene, words) => {
    await show(scene);
    await page.keyboard.press('s');
    await id('share-dialog').getByText(words).waitFor();
    expect(await page.getByRole('button', { name: 'Look again' }).evaluate((again) => again === document.activeElement)).toBe(true);
    expect(await id('share-go').count()).toBe(0);
    await page.getByRole('button', { name: 'Look again' }).click();
    await id('share-dialog').getByText(words).waitFor();
  });

  it('takes the small pictures without the choice on the screen, and does not jump', async () => {
    await show('call-3');
    const looks = await page.evaluate(async () => {
      const sizes = new Set<string>();
      const seen: boolean[] = [];
      document.addEventListener('listing', () => seen.push([...document.querySelectorAll('.dialog, .scrim')].some((part) => Number(getComputedStyle(part).opacity) > 0)));
      const dialog = () => document.querySelector('[data-testid=share-dialog]');
      const watch = setInterval(() => dialog() && sizes.add(`${dialog()!.clientWidth}x${dialog()!.clientHeight}`), 10);
      dispatchEvent(new KeyboardEvent('keydown', { key: 's' }));
      await new Promise((resolve) => setTimeout(resolve, 700));
      [...document.querySelectorAll<HTMLElement>('[data-testid=share-dialog] button')].find((button) => button.textContent?.includes('Look again'))?.click();
      await new Promise((resolve) => setTimeout(resolve, 700));
      clearInterval(watch);
      return { seen, sizes: sizes.size, shown: getComputedStyle(dialog()!).opacity };
    });
    expect(looks).toEqual({ seen: [false, false], sizes: 1, shown: '1' });
  });

  it('says when the others see the last picture of a minimized window', async () => {
    await show('sharing-paused');
    expect(await id('share-banner').innerText()).toContain('Inbox is minimized');
  });

  it('keeps names clear of the controls', async () => {
    await show('two-screens', { width: 900, height: 600 });
    // With the focus on one of them the controls stay.
    await page.keyboard.press('Tab');
    await id('toggle-mic').focus();
    await until('a name moved up', () => document.querySelector('.plate.lifted') !== null);
    const hidden = () => {
      const { left, right, top } = document.querySelector('.controls')!.getBoundingClientRect();
      return [...document.querySelectorAll('.plate')].filter((plate) => {
        const name = plate.getBoundingClientRect();
        return name.right > left && name.left < right && name.bottom > top;
      }).length;
    };
    await page.waitForFunction((hidden) => new Function(`return (${hidden})()`)() === 0, String(hidden)).catch(() => expect.fail('a name stays under the controls'));
  });

  it('puts the screens of others first, and lets one choose another tile', async () => {
    await show('two-screens');
    const large = () => page.locator('[data-pinned=true] [data-testid=tile-name]').first().textContent().then((name) => name?.trim());
    expect(await large()).toBe('Chiara Lombardi’s screen');
    await page.locator('[data-testid=tile][data-peer=p3]').hover();
    await page.locator('[data-testid=tile][data-peer=p3] [data-testid=pin-tile]').click();
    await until('Dmitri is large', () => document.querySelector('[data-testid=tile][data-peer=p3]')?.getAttribute('data-pinned') === 'true');
    await page.locator('[data-testid=tile][data-peer=p3] [data-testid=pin-tile]').click();
    await until('the screen is back', () => document.querySelector('[data-testid=screen-tile][data-pinned=true]') !== null);
  });

  it('shows a bar of its own that stops it', async () => {
    await show('sharing', undefined, undefined, '?view=sharing');
    await page.getByRole('status').getByText('You’re sharing Quarterly numbers.ods').waitFor();
    await page.keyboard.press('Tab');
    expect(await focused('stop-share')).toBe(true);
    await page.keyboard.press('Enter');
    await until('there is nothing to stop', () => document.querySelector<HTMLButtonElement>('[data-testid=stop-share]')?.disabled === true);
  });
});

describe('volumes', () => {
  it('are changed for one person, and only for oneself', async () => {
    await show('call-5');
    await page.keyboard.press('p');
    const slider = page.getByRole('slider', { name: 'Volume of Ben Okafor' });
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('105 %').waitFor();
    for (let presses = 0; presses < 5; presses++) await page.keyboard.press('ArrowRight');
    await page.getByText('130 %').waitFor();
    await page.getByRole('button', { name: 'Mute Ben Okafor for me' }).click();
    await page.locator('[data-testid=tile][data-peer=p1]').getByLabel('Muted for you').first().waitFor();
    await page.getByRole('button', { name: 'Hear Ben Okafor again' }).click();
  });
});
