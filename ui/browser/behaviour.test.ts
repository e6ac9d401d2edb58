import { describe, expect, it } from 'vitest';
import { focused, gone, id, page, show, until, visible } from './stage';

describe('home', () => {
  it('asks for a name before anything else', async () => {
    await show('home-first');
    expect(await focused('name-input')).toBe(true);
    await id('start-call').click();
    expect(await id('name-input').getAttribute('aria-invalid')).toBe('true');
    await id('name-input').fill('Ana');
    expect(await id('name-input').getAttribute('aria-invalid')).toBeNull();
    await id('start-call').click();
    await visible('call');
    await id('leave-call').click();
    await visible('home');
    expect(await id('name-input').inputValue()).toBe('Ana');
  });

  it('lights up Join for a link, typed or pasted anywhere', async () => {
    await show('home');
    expect(await id('join-call').isDisabled()).toBe(true);
    await id('link-input').fill('nonsense');
    await id('join-call').click();
    await id('link-wrong').getByText('That is not a room link.').waitFor();
    await visible('home');
    await id('name-input').focus();
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', 'http://host:7420/r/room');
      document.activeElement?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await until('the link is taken', () => document.querySelector<HTMLInputElement>('[data-testid=link-input]')?.value === 'http://host:7420/r/room');
    expect(await id('name-input').inputValue()).toBe('Ana Ruiz');
    await page.keyboard.press('Enter');
    await visible('lobby');
    await page.keyboard.press('Enter');
    await visible('call');
  });

  it('asks before a server that one does not know is called', async () => {
    await show('unknown-server');
    await visible('unknown-server');
    expect(await id('unknown-server').innerText()).toContain('meet.example.org');
    expect(await page.locator('html').getAttribute('data-asked')).toBeNull();
    expect(await page.locator('html').getAttribute('data-rehearsed') ?? '').toBe('');
    await id('unknown-go').click();
    await visible('lobby');
    expect(await id('lobby-host').innerText()).toContain('Not private');
    await page.keyboard.press('Escape');
    await visible('home');
    expect(await id('link-input').inputValue()).toBe('https://meet.example.org/r/weekly-planning');
  });

  it('lands where a link that leads nowhere can be mended', async () => {
    await show('bad-link');
    await visible('home-error');
    expect(await id('home-error').innerText()).toContain('damaged');
    expect(await id('link-input').inputValue()).toBe('confab://join?link=http://host/r/a%20b');
  });

  it('finds a link in what is pasted, lines and all', async () => {
    await show('home');
    await id('link-input').focus();
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', 'Join my call:\r\nhttp://host:7420/r/room\r\nSee you!');
      document.activeElement?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.keyboard.press('Enter');
    await visible('lobby');
    expect(await id('lobby-host').innerText()).toContain('host:7420');
  });

  it('says why a call did not start, and keeps what was typed', async () => {
    await show('home-error');
    await id('link-input').fill('http://host/r/room');
    await id('join-call').click();
    await id('lobby-join').click();
    await visible('home-error');
    expect(await id('home-error').getAttribute('data-code')).toBe('server-unreachable');
    await id('lobby-back').click();
    expect(await id('link-input').inputValue()).toBe('http://host/r/room');
    expect(await id('home-error').count()).toBe(0);
    await id('start-call').click();
    await id('home-error').getByRole('button', { name: 'More' }).click();
    expect(await id('home-error').innerText()).toContain('Connection refused');
  });

  it('gives the link back to whoever stops joining', async () => {
    await show('joining');
    await id('link-input').fill('http://host/r/room');
    await id('join-call').click();
    await id('lobby-join').click();
    await id('cancel-join').click();
    await visible('lobby');
    await page.keyboard.press('Escape');
    await visible('home');
    expect(await id('link-input').inputValue()).toBe('http://host/r/room');
    expect(await id('home-error').count()).toBe(0);
  });

  it('keeps settings that are wrong in the dialog, and says so', async () => {
    await show('home');
    await id('settings-open').click();
    await id('settings-network').click();
    await id('settings-server').fill('nonsense');
    await id('settings-save').click();
    await page.getByText('That is not a server address.').waitFor();
    await id('settings-server').fill('https://silent.example');
    await id('settings-save').click();
    await page.getByText('The server can’t be reached.').waitFor();
    await id('settings-save').getByText('Save anyway').waitFor();
    await id('settings-server').fill('meet.example.org');
    await id('settings-save').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Saved').waitFor({ state: 'attached' });
    expect(await focused('settings-save')).toBe(true);
    await page.keyboard.press('Escape');
    await gone('settings');
    await id('settings-open').click();
    await id('settings-network').click();
    expect(await id('settings-server').inputValue()).toBe('https://meet.example.org/');
  });
});

describe('alone', () => {
  it('shows the link, and one way to copy it', async () => {
    await show('alone');
    expect(await id('room-link').textContent()).toBe('http://192.168.1.20:7420/r/lusab-babad-gutih-tugad');
    expect(await id('copy-link').count()).toBe(1);
    await id('copy-link').click();
    await page.getByText('Link copied').waitFor();
  });
});

describe('controls', () => {
  it('take a press while the last one is on its way', async () => {
    await show('call-3');
    const camera = id('toggle-camera');
    expect(await camera.getAttribute('aria-pressed')).toBe('true');
    await page.evaluate(() => {
      const button = document.querySelector<HTMLButtonElement>('[data-testid=toggle-camera]');
      button?.click();
      button?.click();
    });
    // Off takes its time, and on does.
    await page.waitForTimeout(1_500);
    expect(await camera.getAttribute('aria-busy')).toBeNull();
    expect(await camera.getAttribute('aria-pressed')).toBe('true');
  });
});

describe('pictures', () => {
  it('are drawn at their own size on a canvas that can be read', async () => {
    await show('call-3');
    await until('every picture moves', () => {
      const videos = [...document.querySelectorAll<HTMLElement>('[data-testid=tile-video]')];
      return videos.length === 3 && videos.every((video) => Number(video.dataset.frames) > 5);
    });
    const pictures = await page.locator('[data-testid=tile-video] canvas').evaluateAll((canvases) =>
      (canvases as HTMLCanvasElement[]).map((canvas) => {
        const pixel = canvas.getContext('2d')?.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
        return { size: [canvas.width, canvas.height], lit: (pixel?.[0] ?? 0) > 40 };
      }),
    );
    expect(pictures).toEqual(Array(3).fill({ size: [640, 360], lit: true }));
    const tiles = await id('tile').evaluateAll((all) => all.map((tile) => ({ ...(tile as HTMLElement).dataset })));
    expect(tiles).toMatchObject([
      { peer: 'p1', state: 'connected', mic: 'on', cam: 'on' },
      { peer: 'p2', state: 'connected', mic: 'off', cam: 'on' },
      { peer: 'self', state: 'connected', mic: 'on', cam: 'on' },
    ]);
  });

  it('ask for one key frame each, however much is said', async () => {
    await show('call-3');
    await until('fifty pictures were drawn', () => Number(document.querySelector<HTMLElement>('[data-testid=tile-video]')?.dataset.frames) > 50);
    expect(await page.locator('html').getAttribute('data-key-requests')).toBe('3');
  });

  it('give way to initials when the camera goes off, and come back', async () => {
    await show('call-2');
    const self = page.locator('[data-testid=tile][data-peer=self]');
    await self.getByTestId('tile-initials').waitFor({ state: 'detached' });
    await page.keyboard.press('v');
    await self.getByTestId('tile-initials').waitFor();
    expect(await self.getAttribute('data-cam')).toBe('off');
    expect(await id('toggle-camera').getAttribute('aria-pressed')).toBe('false');
    await page.keyboard.press('v');
    await self.getByTestId('tile-initials').waitFor({ state: 'detached' });
    expect(await id('toggle-camera').getAttribute('aria-pressed')).toBe('true');
  });

  it('of someone whose connection is repaired stay, dimmed, and say so', async () => {
    await show('reconnecting');
    await page.getByText('Reconnecting to Ben Okafor…').first().waitFor();
    expect(await page.locator('[data-peer=p1]').getAttribute('data-state')).toBe('reconnecting');
    expect(await page.locator('[data-peer=p1] canvas').count()).toBe(1);
  });
});

describe('controls', () => {
  it('obey their keys, but not while someone types', async () => {
    await show('call-3');
    await page.keyboard.press('m');
    expect(await id('toggle-mic').getAttribute('aria-pressed')).toBe('false');
    await page.keyboard.press('c');
    await visible('chat-input');
    await page.keyboard.type('mmm');
    expect(await id('toggle-mic').getAttribute('aria-pressed')).toBe('false');
    expect(await id('chat-input').inputValue()).toBe('mmm');
    await page.keyboard.press('Escape');
    await gone('chat-input');
    await page.keyboard.press('m');
    expect(await id('toggle-mic').getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('c');
    await visible('chat-input');
    expect(await id('chat-input').inputValue()).toBe('mmm');
  });

  it('fade when nobody moves, and come back', async () => {
    await show('call-2');
    const shown = () => document.querySelector('.bar')?.classList.contains('visible') === true;
    const hidden = () => document.querySelector('.bar')?.classList.contains('visible') === false;
    await until('the controls fade', hidden);
    await page.mouse.move(300, 300);
    await until('the controls come back', shown);
    await until('the controls fade again', hidden);
    await page.keyboard.press('Tab');
    await until('a key brings them back', shown);
  });

  it('say that one is muted when one speaks', async () => {
    await show('muted-hint');
    await page.getByText('You’re muted. Press M to talk.').waitFor();
    await page.keyboard.press('m');
    const hint = page.getByText('You’re muted. Press M to talk.');
    await hint.waitFor({ state: 'detached' });
    await page.keyboard.press('m');
    await until('one is muted again', () => document.querySelector('[data-testid=toggle-mic]')?.getAttribute('aria-pressed') === 'false');
    expect(await hint.count()).toBe(0);
  });

  it('ask before another call is joined', async () => {
    await show('open-link');
    await visible('switch-call');
    await page.getByRole('button', { name: 'Stay here' }).click();
    await gone('switch-call');
    await visible('call');
  });

  it('join another call when asked to', async () => {
    await show('open-link');
    await page.getByRole('button', { name: 'Leave and join' }).click();
    await page.getByText('You left the call').waitFor({ state: 'attached' });
    await id('lobby-join').click();
    await visible('call');
    expect(await id('switch-call').count()).toBe(0);
  });
});

describe('the small picture', () => {
  const corner = () =>
    page.locator('.movable').evaluate((element) => {
      const box = element.getBoundingClientRect();
      return [box.top < innerHeight / 2 ? 'top' : 'bottom', box.left < innerWidth / 2 ? 'left' : 'right'].join(' ');
    });

  it('moves to a corner by pointer and by key', async () => {
    await show('call-2');
    const box = await page.locator('.movable').boundingBox();
    if (!box) return expect.fail('no small picture');
    expect(await corner()).toBe('bottom right');
    await page.mouse.move(box.x + 40, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(300, 200, { steps: 5 });
    await page.mouse.up();
    await until('it is at the top left', () => {
      const { left, top } = document.querySelector('.movable')?.getBoundingClientRect() ?? { left: 99, top: 99 };
      return left < 40 && top < 40;
    });
    await page.locator('.movable').focus();
    await page.keyboard.press('ArrowRight');
    await until('it is at the right', () => (document.querySelector('.movable')?.getBoundingClientRect().right ?? 0) > innerWidth - 40);
    expect(await corner()).toBe('top right');
  });
});

describe('chat', () => {
  it('sends by key and by button, in order, and parses no HTML', async () => {
    await show('call-3');
    await id('toggle-chat').click();
    await id('chat-input').fill('<b>bold</b> https://example.org/a');
    await page.keyboard.press('Enter');
    await id('chat-input').fill('second');
    await id('chat-send').click();
    await until('both are there', () => document.querySelectorAll('[data-testid=chat-message]').length === 2);
    expect(await id('chat-text').allInnerTexts()).toEqual(['<b>bold</b> https://example.org/a', 'second']);
    expect(await id('chat-input').inputValue()).toBe('');
    const before = page.url();
    await id('chat-text').getByRole('link').click();
    expect(page.url()).toBe(before);
  });

  it('gives a message back that could not be sent', async () => {
    await show('call-3');
    await id('toggle-chat').click();
    await id('chat-input').fill('/fail');
    await page.keyboard.press('Enter');
    await page.getByText('The server is gone for the moment.').first().waitFor();
    expect(await id('chat-input').inputValue()).toBe('/fail');
  });

  it('counts what was not read', async () => {
    await show('unread');
    await until('three are counted', () => document.querySelector('[data-testid=chat-unread]')?.textContent === '3');
    await page.locator('.toasts').getByText('3 new messages').waitFor();
    await until('the number stays when the controls fade', () => document.querySelector('[data-testid=chat-waiting]')?.textContent?.trim() === '3');
    await page.mouse.move(200, 200);
    await id('toggle-chat').click();
    await gone('chat-unread');
  });

  it('stays at its end, and offers the way back there', async () => {
    await show('chat');
    await id('toggle-chat').click();
    const list = page.locator('ol');
    const atEnd = () => {
      const list = document.querySelector('ol');
      return list !== null && list.scrollHeight - list.scrollTop - list.clientHeight < 5;
    };
    await until('it shows the newest', atEnd);
    await list.evaluate((element) => element.scrollTo({ top: 0 }));
    await page.getByRole('button', { name: 'Newer messages' }).click();
    await until('it shows the newest again', atEnd);
  });
});

describe('notices', () => {
  it('show the cause on demand and go when dismissed', async () => {
    await show('notices');
    await until('both are there', () => document.querySelectorAll('[data-testid=notice]').length === 2);
    const urgent = page.locator('[data-testid=notice][data-code=peer-unreachable]');
    await urgent.getByRole('button', { name: 'More' }).click();
    expect(await urgent.innerText()).toContain('ICE failed');
    await urgent.getByRole('button', { name: 'Dismiss' }).click();
    await urgent.waitFor({ state: 'detached' });
  });

  it('of a lost server stay while it is lost', async () => {
    await show('server-lost');
    await visible('server-lost');
    expect(await page.getByRole('alert').allInnerTexts()).toContainEqual(expect.stringContaining('You can still talk'));
  });
});
