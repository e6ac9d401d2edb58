import type { DeviceState, RehearsalView, UserError } from '../backend/types';
import type { ShownError } from '../i18n/errors';

/** An error to be shown to somebody who is in no call. */
export function outsideCall(error: UserError): ShownError {
  return { ...error, outsideCall: true };
}

/** The same for devices that are tried. */
export function rehearsalOutsideCall({ microphone, camera }: RehearsalView): RehearsalView {
  return { microphone: device(microphone), camera: device(camera) };
}

function device(state: DeviceState): DeviceState {
  return state.state === 'failed' ? { ...state, error: outsideCall(state.error) } : state;
}
