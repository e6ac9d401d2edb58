import { describe, expect, it } from 'vitest';
import type { DeviceState, ErrorCode, UserError } from '../backend/types';
import { call, person, self, snapshot } from './fixtures';
import { initial, type Action, type AppState } from './model';
import { reduce } from './reducer';

const run = (state: AppState, ...actions: Action[]) => actions.reduce((next, action) => reduce(next, action, 1), state);
const inCall = (view = call({ participants: [person('ben')] })) => run(initial, { type: 'snapshot', snapshot: snapshot(view) });
const told = (code: ErrorCode, params?: UserError['params']): Action => ({ type: 'notice', notice: { urgent: true, error: { code, ...(params && { params }) } } });
const codes = (state: AppState) => state.notices.map(({ error }) => error.code);
const me = (more: Parameters<typeof self>[0]): Action => ({ type: 'me', me: self(more) });
const failed = (code: ErrorCode): DeviceState => ({ state: 'failed', error: { code } });

describe('a notice ends with its cause', () => {
  it.each([
    ['microphone-missing', { mic: failed('microphone-missing') }],
    ['microphone-failed', { mic: failed('microphone-failed') }],
    ['no-sound-server', { mic: failed('no-sound-server') }],
    ['camera-missing', { camera: failed('camera-missing') }],
    ['camera-busy', { camera: failed('camera-busy') }],
    ['speaker-missing', { speaker: failed('speaker-missing') }],
  ] as const)('%s: when the device works again', (code, broken) => {
    const state = run(inCall(), me(broken), told(code), told('peer-misbehaving'));
    expect(codes(state)).toContain(code);
    const other: Action = code.startsWith('camera') ? me({ ...broken, mic: { state: 'off' } }) : me({ ...broken, camera: { state: 'off' } });
    expect(codes(run(state, other))).toContain(code);
    expect(codes(run(state, me({})))).toEqual(['peer-misbehaving']);
  });

  it('when a device is plugged in', () => {
    const none = { microphones: [], speakers: [], cameras: [], defaultMicrophone: null, defaultSpeaker: null, defaultCamera: null };
    const state = run(initial, told('microphone-missing'), told('camera-missing'));
    expect(codes(run(state, { type: 'devices', devices: none }))).toHaveLength(2);
    expect(codes(run(state, { type: 'devices', devices: { ...none, microphones: [{ id: 'a', name: 'A' }] } }))).toEqual(['camera-missing']);
  });

  it('when a device that is tried works', () => {
    const rehearsal = (microphone: DeviceState): Action => ({ type: 'rehearsal', rehearsal: { microphone, camera: { state: 'off' } } });
    const state = run(initial, rehearsal(failed('microphone-missing')), told('microphone-missing'));
    expect(codes(run(state, rehearsal({ state: 'on' })))).toEqual([]);
  });

  it('when who could not be reached is, or goes', () => {
    const waiting = inCall(call({ participants: [person('ben', { state: 'connecting' }), person('eve', { state: 'connecting' })] }));
    const state = run(waiting, told('peer-unreachable', { name: 'BEN' }));
    expect(codes(run(state, { type: 'peer-connect', participant: person('eve') }))).toEqual(['peer-unreachable']);
    expect(codes(run(state, { type: 'peer-connect', participant: person('ben') }))).toEqual([]);
    expect(codes(run(state, { type: 'peer-disconnect', id: 'ben' }))).toEqual([]);
  });

  it('when nobody is there to get a smaller picture', () => {
    expect(codes(run(inCall(call()), told('computer-busy')))).toEqual([]);
    const busy = run(inCall(), told('computer-busy'));
    expect(codes(busy)).toEqual(['computer-busy']);
    expect(codes(run(busy, { type: 'peer-disconnect', id: 'ben' }))).toEqual([]);
  });

  it('when what one asked for works', () => {
    const state = run(inCall(), told('settings-not-saved'), told('link-not-copied'), told('screen-failed'));
    expect(codes(run(state, { type: 'ui-saved' }))).toEqual(['link-not-copied', 'screen-failed']);
    expect(codes(run(state, { type: 'ui-copied' }))).toEqual(['settings-not-saved', 'screen-failed']);
    const share = { title: 'Inbox', capture: { state: 'on' } as const, paused: false, sound: false };
    expect(codes(run(state, me({ share })))).toEqual(['settings-not-saved', 'link-not-copied']);
  });

  it('with the call, but for what says why that ended', () => {
    const state = run(inCall(), told('camera-busy'), told('peer-misbehaving'), told('room-closed'));
    expect(codes(run(state, { type: 'call-state', state: 'idle' }))).toEqual(['room-closed']);
  });
});
