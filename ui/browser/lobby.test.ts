import { describe, expect, it } from 'vitest';
import { focused, gone, id, page, show, until, visible } from './stage';

/** What is tried goes on: pictures come, and the meter follows the microphone. */
async function live(): Promise<void> {
  const frames = Number(await id('tile-video').first().getAttribute('data-frames'));
  await page.waitForFunction((before) => Number(document.querySelector<HTMLElement>('[data-testid=tile-video]')?.dataset.frames) > before + 5, frames);
  const level = await id('mic-level').first().getAttribute('data-level');
  await page.waitForFunction((before) => document.querySelector('[data-testid=mic-level]')?.getAttribute('data-level') !== before, level);
}

const tried = () => page.locator('html').getAttribute('data-rehearsed');
const becomesTried = (what: string) =>
  page.waitForFunction((what) => document.documentElement.dataset.rehearsed === what, what).catch(async () => expect.fail(`tried is ${await tried()}, not ${what}`));

describe('lobby', () => {
  it('shows how one looks and sounds, and who is inside', async () => {
    await show('lobby');
    await until('the preview moves', () => Number(document.querySelector<HTMLElement>('[data-testid=tile-video]')?.dataset.frames) > 3);
    await until('the meter moves', () => Number(document.querySelector('[data-testid=mic-level]')?.getAttribute('aria-valuenow')) > 20);
    expect(await id('inside').innerText()).toBe('Ben Okafor, Chiara Lombardi and 1 other are in this call');
  });

  it('goes on to show how one looks and sounds after the settings were open', async () => {
    await show('lobby');
    await live();
    await id('settings-open').click();
    await visible('settings');
    await page.keyboard.press('Escape');
    await gone('settings');
    expect(await focused('settings-open')).toBe(true);
    await live();
    expect(await id('preview').getAttribute('data-shown')).toBe('true');
    expect(await tried()).toBe('microphone camera');
  });

  it('gives back what only the settings tried', async () => {
    await show('lobby-off');
    await id('settings-open').click();
    await becomesTried('microphone');
    await id('settings-video').click();
    await id('settings-preview').click();
    await becomesTried('camera');
    await page.keyboard.press('Escape');
    await gone('settings');
    await becomesTried('');
    await id('settings-open').click();
    expect(await id('settings-video').getAttribute('aria-selected')).toBe('true');
    expect(await id('settings-preview').getAttribute('aria-checked')).toBe('false');
  });

  it('keeps saying who is inside while one looks, and asks nobody once one is gone', async () => {
    await show('lobby-off');
    await id('inside').getByText('Nobody is in this call yet').waitFor();
    await page.clock.install();
    const asked = () => page.locator('html').getAttribute('data-asked');
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await id('inside').getByText('Ben Okafor is in this call').waitFor();
    await page.clock.runFor(4_100);
    await id('inside').getByText('Ben Okafor and Chiara Lombardi are in this call').waitFor();
    await page.clock.runFor(4_100);
    expect(await asked()).toBe('4');
    await id('lobby-back').click();
    await visible('home');
    await page.clock.runFor(60_000);
    expect(await asked()).toBe('4');
  });

  it('says that one can’t get in before one tries, as long as it is so', async () => {
    await show('lobby-away');
    await id('lobby-problem').getByText('The server can’t be reached.').waitFor();
    await page.clock.install();
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await id('inside').getByText('Ben Okafor is in this call').waitFor();
    expect(await id('lobby-problem').count()).toBe(0);
    await show('lobby-closed');
    expect(await id('lobby-problem').getAttribute('data-code')).toBe('room-closed');
  });

  it('has Join in sight at every width', async () => {
    await show('lobby');
    for (const [width, height] of [[360, 480], [360, 640], [480, 640], [720, 480], [1000, 600]] as const) {
      await page.setViewportSize({ width, height });
      const box = await id('lobby-join').boundingBox();
      expect(box && box.y >= 0 && box.x >= 0 && box.x + box.width <= width && box.y + box.height <= height, `${width}×${height}: ${JSON.stringify(box)}`).toBe(true);
      const hit = await id('lobby-join').evaluate((join) => {
        const { x, y, width, height } = join.getBoundingClientRect();
        return join.contains(document.elementFromPoint(x + width / 2, y + height / 2));
      });
      expect(hit, `${width}×${height}`).toBe(true);
    }
  });

  it('asks for a name, and takes Enter', async () => {
    await show('lobby-first');
    await id('lobby-join').click();
    expect(await id('lobby-name').getAttribute('aria-invalid')).toBe('true');
    await id('lobby-name').fill('Ana');
    await page.keyboard.press('Enter');
    await visible('call');
  });

  it('turns microphone and camera on and off, by key as well, and remembers it', async () => {
    await show('lobby-off');
    expect(await id('lobby-mic').getAttribute('aria-pressed')).toBe('false');
    await page.keyboard.press('m');
    await page.getByRole('log').getByText('You will join unmuted').waitFor({ state: 'attached' });
    await id('lobby-camera').click();
    await until('both are on', () =>
      ['lobby-mic', 'lobby-camera'].every((name) => document.querySelector(`[data-testid=${name}]`)?.getAttribute('aria-pressed') === 'true'),
    );
    await id('settings-open').click();
    await id('settings-general').click();
    expect(await page.getByRole('switch', { name: 'Start with the camera on' }).getAttribute('aria-checked')).toBe('true');
  });

  it('lets one choose devices by name', async () => {
    await show('lobby');
    await id('pick-speaker').click();
    await page.getByRole('option', { name: 'HDMI / DisplayPort 2' }).click();
    await id('pick-speaker').getByText('HDMI / DisplayPort 2').waitFor();
  });

  it('plays a sound by key, once at a time, and keeps the focus there', async () => {
    await show('lobby');
    await id('test-sound').focus();
    await page.keyboard.press('Enter');
    expect(await id('test-sound').getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Space');
    await until('the sound has ended', () => document.querySelector('[data-testid=test-sound][aria-disabled]') === null);
    expect(await page.locator('html').getAttribute('data-sounds')).toBe('1');
    expect(await focused('test-sound')).toBe(true);
  });

  it('says under the speaker why no sound was heard, until another one is chosen', async () => {
    await show('lobby-silent');
    await id('test-sound').click();
    await id('test-sound-failed').getByText('Sound isn’t running on this computer, so you can’t hear or be heard. Start it, then try again.').waitFor();
    expect(await id('notice').count()).toBe(0);
    await id('pick-speaker').click();
    await page.getByRole('option', { name: 'HDMI / DisplayPort 2' }).click();
    await gone('test-sound-failed');
  });

  it('hands over to the call what one chose before its door', async () => {
    await show('lobby');
    await id('lobby-name').fill('Ana of the lobby');
    await id('lobby-mic').click();
    await until('the microphone is off', () => document.querySelector('[data-testid=lobby-mic]')?.getAttribute('aria-pressed') === 'false');
    await id('lobby-join').click();
    await visible('call');
    expect(await id('toggle-mic').getAttribute('aria-pressed')).toBe('false');
    expect(await id('toggle-camera').getAttribute('aria-pressed')).toBe('true');
    const own = page.locator('[data-testid=tile][data-peer=self]');
    expect((await own.getByTestId('tile-name').textContent())?.trim()).toBe('Ana of the lobby (you)');
    await until('the own picture moves in the call', () => Number(document.querySelector<HTMLElement>('[data-peer=self] [data-testid=tile-video]')?.dataset.frames) > 3);
  });

  it('keeps every change, however fast they come', async () => {
    await show('lobby');
    await page.keyboard.press('m');
    await page.keyboard.press('v');
    await until('both are off', () =>
      ['lobby-mic', 'lobby-camera'].every((name) => document.querySelector(`[data-testid=${name}]`)?.getAttribute('aria-pressed') === 'false'),
    );
  });

  it('leaves the keys to an open list', async () => {
    await show('lobby');
    await page.locator('[data-testid=pick-camera]:enabled').focus();
    // A letter goes to the list before it is open, too: it chooses by name.
    await page.keyboard.press('m');
    await page.keyboard.press('Enter');
    await page.getByRole('listbox').waitFor();
    await page.keyboard.press('m');
    await page.keyboard.press('Escape');
    await page.getByRole('listbox').waitFor({ state: 'detached' });
    expect(await id('lobby').count()).toBe(1);
    expect(await id('lobby-mic').getAttribute('aria-pressed')).toBe('true');
  });

  it('says where there are no devices, and joins all the same', async () => {
    await show('lobby-bare');
    for (const [picker, words] of [
      ['pick-microphone', 'No microphone found'],
      ['pick-speaker', 'No speaker found'],
      ['pick-camera', 'No camera found'],
    ] as const) {
      await id(picker).getByText(words).waitFor();
      expect(await id(picker).isDisabled()).toBe(true);
    }
    expect(await id('test-sound').isDisabled()).toBe(true);
    await page.keyboard.press('Enter');
    await visible('call');
  });

  it('shows the names of many devices to their end', async () => {
    await show('lobby-many', { width: 900, height: 600 });
    await id('pick-speaker').click();
    await page.getByRole('listbox').waitFor();
    expect(await page.getByRole('option').count()).toBe(15);
    const cut = await page.getByRole('option').locator('.name').evaluateAll((names) => names.filter((name) => name.scrollWidth > name.clientWidth).length);
    expect(cut).toBe(0);
  });

  it('says what is wrong with a device and joins all the same', async () => {
    await show('lobby-trouble');
    await page.getByText('Your camera is in use by another program.').waitFor();
    await page.getByText('No microphone found. Connect one to be heard; you can join without.').waitFor();
    expect(await id('lobby-camera').getAttribute('aria-pressed')).toBe('false');
    const before = Number(await page.locator('html').getAttribute('data-rehearsals'));
    await id('lobby-camera').click();
    await page.waitForFunction((before) => Number(document.documentElement.dataset.rehearsals) > before, before);
    await id('lobby-join').click();
    expect(await id('home-error').getAttribute('data-code')).toBe('room-full');
  });
});

describe('settings', () => {
  it('try the devices that a section is about', async () => {
    await show('home');
    await id('settings-open').click();
    await until('the meter moves', () => Number(document.querySelector('[data-testid=mic-level]')?.getAttribute('aria-valuenow')) > 20);
    await id('settings-echo').click();
    await until('the switch is off', () => document.querySelector('[data-testid=settings-echo]')?.getAttribute('aria-checked') === 'false');
    await id('settings-video').click();
    await id('settings-preview').click();
    await until('the preview moves', () => Number(document.querySelector<HTMLElement>('[data-testid=tile-video]')?.dataset.frames) > 3);
  });

  it('try nothing any more once they are closed in a call', async () => {
    await show('call-2');
    await id('settings-open').click();
    await becomesTried('microphone');
    await page.keyboard.press('Escape');
    await gone('settings');
    await becomesTried('');
    await id('settings-open').click();
    await becomesTried('microphone');
  });

  it('show the own picture of a call beside its tile', async () => {
    await show('call-2');
    await id('settings-open').click();
    await id('settings-video').click();
    await until('both move', () => {
      const own = [...document.querySelectorAll<HTMLElement>('[data-peer=self] [data-testid=tile-video], [data-testid=preview] [data-testid=tile-video]')];
      return own.length === 2 && own.every((video) => Number(video.dataset.frames) > 5);
    });
  });

  it('change a call at once', async () => {
    await show('call-3');
    await id('settings-open').click();
    await id('pick-microphone').click();
    await page.getByRole('option', { name: 'Jabra Evolve2 65 Headset Mono' }).click();
    await id('pick-microphone').getByText('Jabra').waitFor();
    await page.keyboard.press('Escape');
    await gone('settings');
    await id('settings-open').click();
    expect(await id('pick-microphone').innerText()).toContain('Jabra');
  });

  it('that can’t be saved stay as they were, and the dialog says why, by key alone, too', async () => {
    await show('unsaved');
    await id('settings-open').click();
    await id('settings-echo').focus();
    await page.keyboard.press('Space');
    await visible('settings-unsaved');
    expect(await id('notice').count()).toBe(0);
    expect(await id('settings-echo').getAttribute('aria-checked')).toBe('true');
    const more = id('settings-unsaved').getByRole('button', { name: 'More' });
    for (let presses = 0; presses < 9 && !(await more.evaluate((it) => it === document.activeElement)); presses++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await id('settings-unsaved').innerText()).toContain('No space left on device');
    await page.keyboard.press('Escape');
    await gone('settings');
    await id('settings-open').click();
    await visible('settings');
    expect(await id('settings-unsaved').count()).toBe(0);
  });

  it('are all within reach of the keyboard', async () => {
    await show('home');
    await id('settings-open').focus();
    await page.keyboard.press('Enter');
    await visible('settings');
    await page.keyboard.press('ArrowDown');
    for (let tabs = 0; tabs < 6 && !(await focused('settings-preview')); tabs++) await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await until('the preview moves', () => Number(document.querySelector<HTMLElement>('[data-testid=tile-video]')?.dataset.frames) > 3);
    await page.keyboard.press('Escape');
    await gone('settings');
    expect(await focused('settings-open')).toBe(true);
  });
});
