import { describe, expect, it } from 'vitest';
import type { DeviceState, UiEvent, UserError } from '../backend/types';
import { errorText } from '../i18n/errors';
import { call, failure, message, person, self, snapshot } from './fixtures';
import { initial, type Action, type AppState } from './model';
import { reduce } from './reducer';

const NOW = 1_800_000_000_000;
const run = (state: AppState, ...actions: Action[]) => actions.reduce((next, action) => reduce(next, action, NOW), state);
const inCall = (view = call()) => run(initial, { type: 'snapshot', snapshot: snapshot(view) });
const said = (state: AppState) => state.announcements.map((item) => item.key);

describe('errors', () => {
  const missing: UserError = { code: 'microphone-missing' };
  const tried: UiEvent = { type: 'rehearsal', rehearsal: { microphone: { state: 'failed', error: missing }, camera: { state: 'failed', error: failure } } };
  const shown: Action = { type: 'ui-error', error: missing, urgent: true };
  const sentence = (state: AppState) => [state.rehearsal?.microphone, state.rehearsal?.camera].map((device) => device?.state === 'failed' && errorText(device.error));

  it('speak of the others only in a call', () => {
    const alone = 'No microphone found. Connect one to be heard; you can join without.';
    const busy = 'Your camera is in use by another program. Close it there, then try again.';
    expect(sentence(run(initial, tried))).toEqual([alone, busy]);
    expect(run(initial, shown).notices.map((notice) => [notice.error.code, errorText(notice.error)])).toEqual([['microphone-missing', alone]]);
    expect(sentence(run(inCall(), tried))).toEqual(['No microphone found. Connect one, then unmute. You still hear the others.', busy]);
    expect(run(inCall(), shown).notices[0]?.error).toEqual(missing);
  });
});

describe('settings', () => {
  it('say how one will enter, outside of a call', () => {
    const off: UiEvent = { type: 'settings', settings: { ...initial.settings, micOn: false, cameraOn: false } };
    expect(said(run(initial, off))).toEqual(['say.enter.mic.off', 'say.enter.camera.off']);
    expect(said(run(initial, off, off, { type: 'settings', settings: initial.settings })).slice(2)).toEqual(['say.enter.mic.on', 'say.enter.camera.on']);
    expect(said(run(inCall(), off))).toEqual(['say.in']);
  });
});

describe('a share', () => {
  it('of one’s own says that it ended', () => {
    const share = { title: 'Inbox', capture: { state: 'on' } as const, paused: false, sound: false };
    const ended = run(inCall(call({ me: self({ share }) })), { type: 'me', me: self() });
    expect(said(ended).slice(1)).toEqual(['say.share.own.no']);
  });
});

describe('snapshots', () => {
  it('make a reloaded window whole, and again change nothing', () => {
    const event: UiEvent = { type: 'snapshot', snapshot: snapshot(call({ participants: [person('ben')], chat: [message('1', 1)] })) };
    const once = run(initial, event);
    expect(once).toMatchObject({ ready: true, callState: 'in-call', ownIds: ['me'] });
    const twice = run(once, { type: 'ui-panel', panel: 'chat' }, event);
    expect(twice.call).toEqual(once.call);
    expect(twice.panel).toBe('chat');
    expect(said(twice)).toEqual(['say.in']);
  });

  it('of another call forget the first one', () => {
    const state = run(inCall(), { type: 'chat', message: message('1', 1) }, {
      type: 'snapshot',
      snapshot: snapshot(call({ link: 'http://host/r/other' })),
    });
    expect(state).toMatchObject({ unread: 0, panel: null });
    expect(state.call?.chat).toEqual([]);
  });

  it('without a call end it', () => {
    expect(run(inCall(), { type: 'snapshot', snapshot: snapshot(null) }).call).toBeNull();
  });
});

describe('the call', () => {
  it('ends with idle and keeps the notice that says why', () => {
    const state = run(
      inCall(),
      { type: 'notice', notice: { urgent: true, error: { code: 'room-closed' } } },
      { type: 'call-state', state: 'idle' },
    );
    expect(state).toMatchObject({ call: null, callState: 'idle' });
    expect(state.notices).toHaveLength(1);
    expect(said(state)).toEqual(['say.in', 'say.out']);
  });

  it('goes on without the server, and says so urgently', () => {
    const lost = run(inCall(), { type: 'call-state', state: 'server-lost' });
    expect(lost.call).not.toBeNull();
    expect(lost.announcements.at(-1)).toMatchObject({ key: 'say.server.lost', urgent: true });
    expect(said(run(lost, { type: 'call-state', state: 'in-call' })).at(-1)).toBe('say.server.back');
  });
});

describe('participants', () => {
  it('come, connect, are repaired and leave', () => {
    const connecting = run(inCall(), { type: 'peer-connecting', participant: person('ben', { state: 'connecting' }) });
    expect(said(connecting)).toEqual(['say.in']);
    const connected = run(connecting, { type: 'peer-connect', participant: person('ben') });
    const repaired = run(
      connected,
      { type: 'peer-state', id: 'ben', state: 'reconnecting' },
      { type: 'peer-connect', participant: person('ben') },
    );
    expect(repaired.call?.participants).toHaveLength(1);
    const gone = run(repaired, { type: 'peer-disconnect', id: 'ben' });
    expect(gone.call?.participants).toEqual([]);
    expect(said(gone)).toEqual(['say.in', 'say.joined', 'say.reconnecting', 'say.left']);
  });

  it('who were there before one came did not join', () => {
    const there = person('ben', { state: 'connecting' });
    const state = run(inCall(call({ participants: [there] })), { type: 'peer-connect', participant: person('ben') });
    expect(said(state)).toEqual(['say.in', 'say.here']);
  });

  it('who never connected leave without a word', () => {
    const state = run(
      inCall(),
      { type: 'peer-connecting', participant: person('ben', { state: 'connecting' }) },
      { type: 'peer-disconnect', id: 'ben' },
    );
    expect(said(state)).toEqual(['say.in']);
  });

  it('keep their places', () => {
    const state = run(inCall(call({ participants: [person('ben'), person('eve')] })), {
      type: 'peer-connect',
      participant: person('ben', { name: 'Benjamin' }),
    });
    expect(state.call?.participants.map((them) => them.name)).toEqual(['Benjamin', 'EVE']);
  });

  it('add, replace and remove tracks', () => {
    const track = { handle: 3, kind: 'video', stream: 's', event: 'camera', refused: null } as const;
    const added = run(
      inCall(call({ participants: [person('ben')] })),
      { type: 'track-added', id: 'ben', track: { ...track, event: '' } },
      { type: 'track-added', id: 'ben', track },
      { type: 'track-added', id: 'nobody', track },
    );
    expect(added.call?.participants[0]?.tracks).toEqual([track]);
    expect(run(added, { type: 'track-removed', id: 'ben', handle: 3 }).call?.participants[0]?.tracks).toEqual([]);
  });

  it('are heard to share a screen and to stop, not to turn a camera', () => {
    const screen = { handle: 4, kind: 'video', stream: 's', event: 'screen', refused: null } as const;
    const state = run(
      inCall(call({ participants: [person('ben')] })),
      { type: 'track-added', id: 'ben', track: screen },
      { type: 'track-added', id: 'ben', track: { ...screen, refused: 'AV1' } },
      { type: 'track-added', id: 'ben', track: { ...screen, handle: 5, kind: 'audio' } },
      { type: 'track-added', id: 'ben', track: { ...screen, handle: 6, event: 'camera' } },
      { type: 'track-removed', id: 'ben', handle: 4 },
      { type: 'track-removed', id: 'ben', handle: 4 },
    );
    expect(said(state)).toEqual(['say.in', 'say.shares', 'say.shares.no']);
  });

  it('announce changes of their microphone, not their first word about it', () => {
    const first = run(inCall(call({ participants: [person('ben', { media: null })] })), {
      type: 'media-state',
      id: 'ben',
      media: { mic: true, cam: true },
    });
    expect(said(first)).toEqual(['say.in']);
    expect(said(run(first, { type: 'media-state', id: 'ben', media: { mic: false, cam: true } })).at(-1)).toBe('say.muted');
  });

  it('leave no level and no numbers behind', () => {
    const state = run(
      inCall(call({ participants: [person('ben')] })),
      { type: 'levels', levels: [['ben', 0.5]] },
      { type: 'peer-disconnect', id: 'ben' },
    );
    expect(state.voices).toEqual({});
  });
});

describe('oneself', () => {
  it('a device that fails is a notice once', () => {
    const failed: UiEvent = { type: 'me', me: self({ camera: { state: 'failed', error: failure } }) };
    const state = run(inCall(), failed, failed);
    expect(state.notices.map((notice) => notice.error)).toEqual([failure]);
    expect(run(state, { type: 'ui-dismiss', id: state.notices[0]!.id }, failed).notices).toEqual([]);
  });

  it('a computer without sound is said once, by the speaker', () => {
    const none: DeviceState = { state: 'failed', error: { code: 'no-sound-server' } };
    expect(run(inCall(), { type: 'me', me: self({ mic: none, speaker: none }) }).notices).toEqual([]);
  });

  it('is told once that one speaks while muted, until one mutes oneself again', () => {
    const [on, off] = (['on', 'off'] as const).map((state): Action => ({ type: 'me', me: self({ mic: { state } }) }));
    const muted = run(inCall(), off!, { type: 'speaking-while-muted' });
    expect(muted.mutedSpeech).toBe(NOW);
    expect(run(muted, on!, off!).mutedSpeech).toBeNull();
    expect(run(inCall(), { type: 'speaking-while-muted' }).mutedSpeech).toBeNull();
  });

  it('keeps the word when something else of one changes', () => {
    const heard = Array.from({ length: 3 }, (): Action => ({ type: 'levels', levels: [['self', 0.3]] }));
    expect(run(inCall(), ...heard, { type: 'me', me: self({ camera: { state: 'off' } }) }).speaking).toEqual(['self']);
  });

  it('keeps every id that one had', () => {
    expect(run(inCall(), { type: 'me', me: self({ id: 'again' }) }).ownIds).toEqual(['me', 'again']);
  });
});

describe('chat', () => {
  const chatOf = (...actions: Action[]) => run(inCall(), ...actions).call?.chat.map(({ author, id }) => `${author} ${id}`);
  const says = (id: string, at: number, more = {}, place?: number): Action => ({ type: 'chat', message: message(id, at, more), ...(place === undefined ? {} : { place }) });

  it('is in order of arrival whatever the clocks say, and knows no message twice', () => {
    const chat = chatOf(says('b', 2), says('a', 1), says('c', 2), says('b', 9), says('b', 3, { author: 'cat' }));
    expect(chat).toEqual(['ben b', 'ben a', 'ben c', 'cat b']);
  });

  it('puts what was said before one came where it belongs, without counting it', () => {
    const told = { toldBy: 'Cat' };
    const actions = [says('live', 9), says('1', 1, told, 0), says('3', 3, told, 1), says('2', 2, told, 1)];
    expect(chatOf(...actions)).toEqual(['ben 1', 'ben 2', 'ben 3', 'ben live']);
    expect(run(inCall(), ...actions).unread).toBe(1);
  });

  it('believes an author more than who told it', () => {
    const state = run(inCall(), says('1', 1, { toldBy: 'Eve', text: 'forged' }, 0), says('1', 1, { text: 'said' }), says('1', 1, { toldBy: 'Eve' }, 0));
    expect(state.call?.chat).toEqual([message('1', 1, { text: 'said' })]);
  });

  it('loses the oldest of whoever wrote most', () => {
    const flood = Array.from({ length: 520 }, (_, id) => says(String(id), 99, { author: 'eve' }));
    const chat = chatOf(says('first', 5), ...flood, says('last', 1));
    expect([chat?.length, chat?.[0], chat?.[1], chat?.at(-1)]).toEqual([500, 'ben first', 'eve 22', 'ben last']);
  });

  it('counts what others wrote while it was closed', () => {
    const state = run(
      inCall(),
      { type: 'chat', message: message('1', 1) },
      { type: 'chat', message: message('1', 1) },
      { type: 'chat', message: message('2', 2, { author: 'me' }) },
    );
    expect(state.unread).toBe(1);
    const open = run(state, { type: 'ui-panel', panel: 'chat' }, { type: 'chat', message: message('3', 3) });
    expect(open.unread).toBe(0);
  });

  it('does not count what was written before one came, nor reads it out', () => {
    const told = { type: 'chat', message: message('1', 1), place: 0 } as Action;
    const state = run(inCall(), told, { type: 'chat', message: message('2', 2) });
    expect(state.unread).toBe(1);
    expect(said(state)).toEqual(['say.in', 'say.message']);
  });

  it('reads a burst out as a number', () => {
    const state = run(inCall(), ...['1', '2', '3'].map((id, at): Action => ({ type: 'chat', message: message(id, at) })));
    expect(state.announcements.at(-1)).toMatchObject({ key: 'say.messages', params: { n: 3 } });
    expect(said(state)).toEqual(['say.in', 'say.messages']);
  });

  it('stays bounded', () => {
    const chat = Array.from({ length: 510 }, (_, at) => message(String(at), at));
    expect(inCall(call({ chat })).call?.chat).toHaveLength(500);
  });
});

describe('notices', () => {
  it('are bounded, and the calm ones go first', () => {
    const notices = ['a', 'b', 'c', 'd', 'e'].map(
      (text, index): Action => ({ type: 'notice', notice: { urgent: index === 0, error: { code: 'peer-unreachable', params: { name: text } } } }),
    );
    expect(run(initial, ...notices).notices.map((item) => item.error.params?.name)).toEqual(['a', 'c', 'd', 'e']);
  });
});
