import type { DeviceState, ErrorCode, RehearsalView, UserError } from '../backend/types';
import { t, type Key } from '../i18n';

/** What the backend's sentences say to somebody in a call, said to somebody who is in none: nobody else is there yet. */
const OUTSIDE: Partial<Record<ErrorCode, Key>> = {
  'microphone-missing': 'outside.microphone.missing',
  'microphone-failed': 'outside.microphone.failed',
  'camera-missing': 'outside.camera.missing',
  'camera-failed': 'outside.camera.failed',
  'no-sound-server': 'outside.sound',
  internal: 'outside.internal',
};

/** An error in words that fit where no call is. */
export function outside(error: UserError): UserError {
  const key = OUTSIDE[error.code];
  return key ? { ...error, message: t(key) } : error;
}

/** The same for devices that are tried. */
export function triedOutside({ microphone, camera }: RehearsalView): RehearsalView {
  return { microphone: device(microphone), camera: device(camera) };
}

function device(state: DeviceState): DeviceState {
  return state.state === 'failed' ? { ...state, error: outside(state.error) } : state;
}
