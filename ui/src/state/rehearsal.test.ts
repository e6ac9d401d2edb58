import { describe, expect, it } from 'vitest';
import { LatestWins } from './latest';
import { NO_REHEARSAL, rehearsalRequest, sameRehearsal, type RehearsalRequest } from './rehearsal';

const both = { mic: true, camera: true };
const tried = (what: RehearsalRequest) => [what.microphone && 'microphone', what.camera && 'camera'].filter(Boolean).join(' ') || 'nothing';

describe('what is tried', () => {
  it.each([
    ['nothing elsewhere', null, null, 'nothing'],
    ['what the lobby shows', both, null, 'microphone camera'],
    ['what is on in the lobby', { mic: false, camera: true }, null, 'camera'],
    ['what the lobby shows, behind settings as well', both, { section: 'network', camera: false }, 'microphone camera'],
    ['what the settings add to the lobby', { mic: false, camera: true }, { section: 'audio', camera: false }, 'microphone camera'],
    ['the microphone in the section of sound', null, { section: 'audio', camera: true }, 'microphone'],
    ['no camera that nobody asked to see', null, { section: 'video', camera: false }, 'nothing'],
    ['the camera that one asked to see', null, { section: 'video', camera: true }, 'camera'],
  ] as const)('%s', (_, lobby, settings, what) => {
    expect(tried(rehearsalRequest(lobby, settings, false))).toBe(what);
  });
});

describe('rehearsing', () => {
  const of = (microphone: boolean, camera = false, inCall = false): RehearsalRequest => ({ microphone, camera, inCall });

  /** Commands that are answered when a test says so. */
  function slow() {
    const commands: string[] = [];
    let answer = () => {};
    const command = (wanted: RehearsalRequest) => {
      commands.push(tried(wanted));
      return new Promise<void>((resolve) => (answer = resolve));
    };
    const rehearsing = new LatestWins(command, NO_REHEARSAL, sameRehearsal);
    return { rehearsing, commands, answered: () => new Promise<void>((resolve) => (answer(), setTimeout(resolve))) };
  }

  it('lets no command overtake another, and skips what is out of date', async () => {
    const { rehearsing, commands, answered } = slow();
    void rehearsing.want(of(true, true));
    void rehearsing.want(of(false));
    void rehearsing.want(of(true));
    expect(commands).toEqual(['microphone camera']);
    await answered();
    expect(commands).toEqual(['microphone camera', 'microphone']);
    await answered();
    expect(commands).toHaveLength(2);
  });

  it('asks for nothing that is so already', async () => {
    const { rehearsing, commands, answered } = slow();
    void rehearsing.want(of(false));
    void rehearsing.want(of(true));
    await answered();
    void rehearsing.want(of(true));
    expect(commands).toEqual(['microphone']);
  });

  it('gives back what was wished for in vain while the command was on its way', async () => {
    const { rehearsing, commands, answered } = slow();
    void rehearsing.want(of(true));
    void rehearsing.want(of(false, false, true));
    await answered();
    expect(commands).toEqual(['microphone', 'nothing']);
  });

  it('begins anew where a call begins or ends', async () => {
    const { rehearsing, commands, answered } = slow();
    void rehearsing.want(of(true));
    await answered();
    void rehearsing.want(of(true, false, true));
    await answered();
    void rehearsing.want(of(true));
    expect(commands).toEqual(['microphone', 'microphone', 'microphone']);
  });

  it('asks once more for a device that failed', async () => {
    const { rehearsing, commands, answered } = slow();
    void rehearsing.want(of(true));
    await answered();
    void rehearsing.again();
    expect(commands).toEqual(['microphone', 'microphone']);
  });
});
