import type { Pictures } from './pictures';
import type {
  DeviceList,
  RoomPeek,
  RoomTarget,
  Settings,
  ShareChoice,
  Snapshot,
  UiEvent,
  UserError,
} from './types';

/** What is on when a call begins. */
export interface Entry {
  mic: boolean;
  camera: boolean;
}

/** Devices that are tried. */
export interface Rehearsal {
  microphone: boolean;
  camera: boolean;
}

/** The backend of a window. Every command rejects with a {@link UserError}; what it changed arrives as events, not as its answer. */
export interface Backend {
  /** Opens the stream of events. The snapshot comes first, then every event in order. */
  subscribe(onEvent: (event: UiEvent) => void): Promise<Snapshot>;
  startCall(name: string, entry: Entry): Promise<void>;
  /** The room to which a text leads that somebody typed or pasted; its server is not asked. */
  findRoom(text: string): Promise<RoomTarget>;
  /** `token`: one that was typed for the server. */
  joinCall(link: string, token: string | null, name: string, entry: Entry): Promise<void>;
  leaveCall(): Promise<void>;
  setMic(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  sendChat(text: string): Promise<void>;
  /** Puts the call's link on the clipboard. */
  copyLink(): Promise<void>;
  /** Opens a web address in the system's browser. */
  openExternal(url: string): Promise<void>;
  saveSettings(settings: Settings): Promise<Settings>;
  /** The devices there are; `devices` events follow for a while when they change. */
  listDevices(): Promise<DeviceList>;
  /**
   * Tries devices without sending anything: how they do arrives as `rehearsal`, the camera's picture as the own track, the
   * microphone's level as that of `self`. A second call changes what is tried. Ends by itself when a call begins.
   */
  startRehearsal(wanted: Rehearsal): Promise<void>;
  stopRehearsal(): Promise<void>;
  /** Plays a short sound on the chosen speaker; answers when it has ended. */
  playTestSound(): Promise<void>;
  /** Who is in the room of a link; null if its server does not tell. */
  peekRoom(link: string, token: string | null): Promise<RoomPeek | null>;
  /** Asks whether there is a server at an address that was typed; the answer is the whole address. */
  checkServer(address: string, token: string | null): Promise<string>;
  /** What one can share. */
  listShareSources(): Promise<ShareChoice>;
  /** Shares the source with this id, with the computer's sound if that is wished. */
  startShare(id: string, sound: boolean): Promise<void>;
  stopShare(): Promise<void>;
  /** How loud a participant is heard, in percent. */
  setPeerVolume(id: string, volume: number): Promise<void>;
  setMutedForMe(id: string, muted: boolean): Promise<void>;
  /** Draws the whole window larger or smaller; 1 is as designed. */
  setZoom(factor: number): Promise<void>;
  /** The pictures for this window; `onConnected` is told when they are cut off, and when they come again. */
  openPictures(onConnected: (connected: boolean) => void): Pictures;
}

/** Any rejection as an error for a person. */
export function toUserError(cause: unknown): UserError {
  const isError = typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string';
  if (isError && !(cause instanceof Error)) return cause as UserError;
  return { code: 'internal', detail: cause instanceof Error ? cause.message : String(cause) };
}
