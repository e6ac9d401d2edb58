import type { CallState, CallView, ChatMessage, DeviceList, Opening, PeerStats, RehearsalView, Settings, UiEvent, UserError } from '../backend/types';
import type { Key, Params } from '../i18n';
import type { ShownError } from '../i18n/errors';
import type { Voices } from './voice-activity';

export type Panel = 'chat' | 'people';

/** A card that stays until dismissed (urgent) or for a while. */
export interface NoticeItem {
  id: number;
  urgent: boolean;
  error: ShownError;
}

/** A sentence for screen readers, and for eyes where `visible`. */
export interface Announcement {
  id: number;
  urgent: boolean;
  visible: boolean;
  key: Key;
  params: Params;
  /** When it was made, in milliseconds since 1970. */
  at: number;
}

/** Everything the views show. Immutable: each action gives a new one. */
export interface AppState {
  /** False until the backend's first snapshot. */
  ready: boolean;
  callState: CallState;
  call: CallView | null;
  settings: Settings;
  version: string;
  panel: Panel | null;
  /** Messages of others that came while the chat was closed. */
  unread: number;
  voices: Voices;
  /** Ids of those who speak. */
  speaking: readonly string[];
  stats: Readonly<Record<string, PeerStats>>;
  /** Level of the own microphone, 0 to 1 of full scale, in a call or a rehearsal. */
  ownLevel: number;
  /** When one last spoke into a muted microphone, in milliseconds since 1970; null if not since one muted it. */
  mutedSpeech: number | null;
  /** Devices that are tried; null while none are. */
  rehearsal: RehearsalView | null;
  /** Devices to choose from; null before they were asked for. */
  devices: DeviceList | null;
  notices: readonly NoticeItem[];
  announcements: readonly Announcement[];
  /** A link the app was asked to open and that nobody has taken up yet. */
  openLink: Opening | null;
  /** Every id one had in this call: a reconnect gives a new one, one's earlier messages stay one's own. */
  ownIds: readonly string[];
  /** Who was in the room when one came: they did not join. */
  before: readonly string[];
  /** Somebody else was connected in this call. */
  met: boolean;
  /** When the server of the call came back after an outage, in milliseconds since 1970; null if it never was away. */
  serverBackAt: number | null;
  /** Names of those who went with an outage of the server and are expected again, and when they went. */
  awaited: readonly { name: string; at: number }[];
  nextId: number;
}

export type Action =
  | UiEvent
  | { type: 'ui-panel'; panel: Panel | null }
  | { type: 'ui-error'; error: UserError; urgent: boolean }
  | { type: 'ui-dismiss'; id: number }
  | { type: 'ui-link-taken' }
  | { type: 'ui-awaited-over' }
  | { type: 'ui-saved' }
  | { type: 'ui-copied' }
  | { type: 'ui-rehearsal-over' };

export const initial: AppState = {
  ready: false,
  callState: 'idle',
  call: null,
  settings: {
    name: '',
    server: null,
    serverToken: null,
    recent: [],
    microphone: null,
    speaker: null,
    camera: null,
    processing: { echoCancellation: true, noiseSuppression: true, gainControl: true },
    micOn: true,
    cameraOn: true,
  },
  version: '',
  panel: null,
  unread: 0,
  voices: {},
  speaking: [],
  stats: {},
  ownLevel: 0,
  mutedSpeech: null,
  rehearsal: null,
  devices: null,
  notices: [],
  announcements: [],
  openLink: null,
  ownIds: [],
  before: [],
  met: false,
  serverBackAt: null,
  awaited: [],
  nextId: 1,
};

/** True if `message` is one's own. */
export function isOwn(state: Pick<AppState, 'ownIds'>, message: ChatMessage): boolean {
  return state.ownIds.includes(message.author);
}
