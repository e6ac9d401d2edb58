import type { DeviceState, ErrorCode } from '../backend/types';
import type { AppState, NoticeItem } from './model';

/** When a notice ends by itself: with its cause. What it says must never be untrue. */

const MICROPHONE: readonly ErrorCode[] = ['microphone-missing', 'microphone-failed', 'no-sound-server'];
const CAMERA: readonly ErrorCode[] = ['camera-missing', 'camera-busy', 'camera-failed'];
const SPEAKER: readonly ErrorCode[] = ['speaker-missing', 'no-sound-server'];
const SHARE: readonly ErrorCode[] = ['screen-missing', 'screen-unsupported', 'screen-failed', 'share-cancelled', 'share-sound-unsupported', 'share-sound-ended', 'share-ended'];
/** About what a call has; without the call they say nothing. */
const OF_A_CALL: readonly ErrorCode[] = [...MICROPHONE, ...CAMERA, ...SPEAKER, ...SHARE, 'computer-busy', 'device-changed', 'peer-unreachable', 'peer-misbehaving', 'participant-gone', 'chat-text', 'bad-volume', 'server-lost'];
/** About what one asked for; the next time it works they are over. */
const SAVING: readonly ErrorCode[] = ['settings-not-saved', 'bad-server', 'bad-name'];
const COPYING: readonly ErrorCode[] = ['link-not-copied'];

/** Removes the notices whose cause went with the step from `before` to `after`. */
export function endNotices(before: AppState, after: AppState): AppState {
  if (after.notices.length === 0) return after;
  const over = ended(before, after);
  const notices = after.notices.filter((notice) => !over(notice));
  return notices.length === after.notices.length ? after : { ...after, notices };
}

/** Removes the notices about saving or copying: it worked. */
export function endAbout(state: AppState, what: 'saving' | 'copying'): AppState {
  const codes = what === 'saving' ? SAVING : COPYING;
  const notices = state.notices.filter(({ error }) => !codes.includes(error.code));
  return notices.length === state.notices.length ? state : { ...state, notices };
}

function ended(before: AppState, after: AppState): (notice: NoticeItem) => boolean {
  const codes = new Set<ErrorCode>();
  const end = (which: readonly ErrorCode[]) => which.forEach((code) => codes.add(code));
  const [was, is] = [before.call, after.call];
  if (was && !is) end(OF_A_CALL);
  if (was && is) {
    if (recovered(was.me.mic, is.me.mic)) end(MICROPHONE);
    if (recovered(was.me.camera, is.me.camera)) end(CAMERA);
    if (recovered(was.me.speaker, is.me.speaker)) end(SPEAKER);
    if (!was.me.share && is.me.share) end(SHARE);
    if (is.participants.length === 0) end(['computer-busy']);
    if (before.callState === 'server-lost' && after.callState === 'in-call') end(['server-lost', 'server-unreachable']);
  }
  if (recovered(before.rehearsal?.microphone, after.rehearsal?.microphone)) end(MICROPHONE);
  if (recovered(before.rehearsal?.camera, after.rehearsal?.camera)) end(CAMERA);
  if (before.devices !== after.devices) {
    if (after.devices?.microphones.length) end(['microphone-missing']);
    if (after.devices?.speakers.length) end(['speaker-missing']);
    if (after.devices?.cameras.length) end(['camera-missing']);
  }
  return ({ error }) => codes.has(error.code) || (error.code === 'peer-unreachable' && unreached(before, error.params?.name) && !unreached(after, error.params?.name));
}

/** It failed, and does not any more; or it works. */
function recovered(was: DeviceState | undefined, is: DeviceState | undefined): boolean {
  if (!was || !is) return false;
  return (was.state === 'failed' && is.state !== 'failed' && is.state !== 'starting') || (was.state !== 'on' && is.state === 'on');
}

/** Somebody of this name waits for a connection. */
function unreached(state: AppState, name: string | undefined): boolean {
  return state.call?.participants.some((them) => them.name === name && (them.state === 'connecting' || them.state === 'unreachable')) === true;
}
