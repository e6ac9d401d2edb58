import type { Entry, Rehearsal } from '../backend/backend';

/** A section of the settings. */
export type Section = 'audio' | 'video' | 'general' | 'network';

/** The devices to try, and whether a call goes on: a rehearsal ends where a call begins or ends. */
export interface RehearsalRequest extends Rehearsal {
  inCall: boolean;
}

/** The devices that the lobby has on, while it is shown. */
type Lobby = Entry | null;
/** The section of the settings that is shown, while they are open, and whether it is to show the camera. */
type OpenSettings = { section: Section; camera: boolean } | null;

/** No device is tried. */
export const NO_REHEARSAL: RehearsalRequest = { microphone: false, camera: false, inCall: false };

/** The devices to try: those of the lobby go on while the settings are open, which may add to them. */
export function rehearsalRequest(lobby: Lobby, settings: OpenSettings, inCall: boolean): RehearsalRequest {
  return {
    microphone: lobby?.mic === true || settings?.section === 'audio',
    camera: lobby?.camera === true || (settings?.section === 'video' && settings.camera),
    inCall,
  };
}

/** True if any device is to be tried. */
export function triesAny({ microphone, camera }: Rehearsal): boolean {
  return microphone || camera;
}

/** True if both ask the same of the backend. */
export function sameRehearsal(one: RehearsalRequest, other: RehearsalRequest): boolean {
  return one.microphone === other.microphone && one.camera === other.camera && (one.inCall === other.inCall || !triesAny(one));
}
