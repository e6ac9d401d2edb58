import { describe, expect, it } from 'vitest';
import { gone, id, page, show, until, visible } from './stage';

/** What is shown in a call is true, and nothing lies on anything. */

const SIZES = [
  { width: 360, height: 480 },
  { width: 360, height: 640 },
  { width: 480, height: 640 },
  { width: 720, height: 480 },
  { width: 1000, height: 700 },
  { width: 1280, height: 800 },
];

/** Parts of the window that lie over each other or outside of it. */
const collisions = () =>
  page.evaluate(() => {
    const shown = (element: Element) => {
      const style = getComputedStyle(element);
      return style.visibility === 'visible' && Number(style.opacity) > 0;
    };
    const parts = (name: string, selector: string) => [...document.querySelectorAll(selector)].filter(shown).map((element) => ({ name, box: element.getBoundingClientRect() }));
    const all = [
      ...parts('tile', '.stage .place:not(.movable)'),
      ...parts('invitation', '.invitation'),
      ...parts('panel', '.panel aside'),
      ...parts('bar', '.bottom .controls'),
      ...parts('banner', '.banners > *'),
    ];
    const found: string[] = [];
    for (const { name, box } of all) {
      if (box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1) found.push(`${name} outside`);
    }
    for (const [index, one] of all.entries()) {
      for (const other of all.slice(index + 1)) {
        const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (across > 1 && down > 1) found.push(`${one.name} on ${other.name}`);
      }
    }
    return found;
  });

describe('nothing lies on anything', () => {
  it.each(['alone', 'call-2', 'call-9', 'long-names', 'sharing'])('%s', async (scene) => {
    await show(scene, SIZES[0]);
    for (const panel of ['none', 'chat', 'people']) {
      if (panel !== 'none') await id(`toggle-${panel}`).click();
      for (const size of SIZES) {
        await page.setViewportSize(size);
        // Tiles are where they go: nothing moves here.
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        // Where the controls float over the stage and fade, they may lie on a tile.
        const floats = size.width >= 900 && panel === 'none';
        const found = (await collisions()).filter((collision) => !(floats && collision === 'tile on bar'));
        expect(found, `${size.width}×${size.height}, panel: ${panel}`).toEqual([]);
        const pressed = await page.evaluate(() =>
          ['toggle-mic', 'leave-call'].every((name) => {
            const button = document.querySelector(`[data-testid=${name}]`)!;
            const { x, y, width, height } = button.getBoundingClientRect();
            return button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
          }),
        );
        expect(pressed, `controls at ${size.width}×${size.height}, panel: ${panel}`).toBe(true);
      }
      await page.setViewportSize(SIZES[0]!);
    }
  });
});

describe('long names', () => {
  it('are cut before the words are, and are whole in a tooltip', async () => {
    await show('long-names', { width: 720, height: 480 });
    const name = page.locator('[data-testid=tile][data-peer=p1] [data-testid=tile-name] bdi');
    await name.hover();
    expect(await name.getAttribute('title')).toBe(await name.textContent());
    const short = page.locator('[data-testid=tile][data-peer=p2] [data-testid=tile-name] bdi');
    await short.hover();
    expect(await short.getAttribute('title')).toBeNull();
    await show('long-arrival', { width: 360, height: 640 });
    // In one look: it is there for a moment only.
    await until('the verb is whole', () => {
      const verb = document.querySelector('.toasts p .sentence > span');
      const inside = verb?.closest('p')?.getBoundingClientRect().right ?? 0;
      return verb !== null && verb.textContent!.includes('joined') && verb.scrollWidth <= verb.clientWidth && verb.getBoundingClientRect().right <= inside;
    });
  });
});

describe('what is said', () => {
  it('that one is muted goes, and the controls fade', async () => {
    await show('muted-hint');
    const hint = page.getByText('You’re muted. Press M to talk.');
    await hint.waitFor();
    await hint.waitFor({ state: 'detached' });
    await until('the controls fade', () => document.querySelector('.bar')?.classList.contains('visible') === false);
    await page.waitForTimeout(600);
    expect(await hint.count()).toBe(0);
  });

  it('of a device ends when it works again', async () => {
    await show('mic-missing');
    await page.locator('[data-testid=notice][data-code=microphone-missing]').waitFor();
    await page.keyboard.press('m');
    await gone('notice');
    expect(await id('toggle-mic').getAttribute('aria-pressed')).toBe('true');
  });

  it('of an empty call is no “yet” after somebody was there', async () => {
    await show('alone-again');
    await page.getByText('You’re the only one here').waitFor();
    await show('alone');
    await page.getByText('Nobody else is here yet').waitFor();
  });

  it('of a restart of the server is not that people left and joined', async () => {
    await show('restart');
    await page.locator('[data-testid=tile][data-peer=again][data-state=connected]').waitFor();
    const said = await page.getByRole('log').innerText();
    expect(said).toContain('The server is back');
    expect(said).not.toMatch(/left|joined/);
  });

  it.each([
    ['alone', 'network', 'It can’t be opened from elsewhere.'],
    ['alone-here', 'computer', 'This link can be opened on this computer only.'],
    ['alone-anywhere', 'anywhere', 'Send this link to the people you want to see.'],
  ])('of a link is from where it can be opened: %s', async (scene, reach, words) => {
    await show(scene);
    expect(await id('link-reach').getAttribute('data-reach')).toBe(reach);
    await page.locator('.invitation').getByText(words).waitFor();
  });
});

describe('chat', () => {
  it('turns nothing around, and links only to what is shown', async () => {
    await show('spoofed');
    await id('toggle-chat').click();
    await visible('chat-text');
    expect(await id('chat-text').innerText()).toBe('See https://evil.example/gpj.tset and https://bank.example@evil.example/x');
    expect(await id('chat-text').getByRole('link').count()).toBe(1);
    expect(await id('chat-text').getByRole('link').getAttribute('title')).toBe('https://evil.example/gpj.tset');
  });

  it('names a message with all of it, links too', async () => {
    await show('call-3');
    await id('toggle-chat').click();
    await id('chat-input').fill('look at https://example.org/a first');
    await page.keyboard.press('Enter');
    await page.getByRole('listitem', { name: /^You, .*: look at https:\/\/example\.org\/a first$/ }).waitFor();
  });

  it('shows where the focus is', async () => {
    await show('call-3');
    await id('toggle-chat').click();
    const outline = await page.locator('.panel .field').evaluate((field) => getComputedStyle(field).outlineStyle + getComputedStyle(field).outlineWidth);
    expect(outline).toBe('solid2px');
  });
});
