import type { CallView, ChatMessage, Participant, SelfView, Snapshot, UserError } from '../backend/types';
import { initial } from './model';

/** Example values for unit tests. */

export const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id,
  name: id.toUpperCase(),
  state: 'connected',
  media: { mic: true, cam: true },
  tracks: [],
  volume: 100,
  mutedForMe: false,
  ...more,
});

export const self = (more: Partial<SelfView> = {}): SelfView => ({
  id: 'me',
  name: 'Ana',
  mic: { state: 'on' },
  camera: { state: 'on' },
  speaker: { state: 'on' },
  share: null,
  ...more,
});

export const call = (more: Partial<CallView> = {}): CallView => ({
  link: 'http://host/r/room',
  room: 'room',
  me: self(),
  participants: [],
  chat: [],
  activeSpeaker: null,
  ...more,
});

export const snapshot = (view: CallView | null, more: Partial<Snapshot> = {}): Snapshot => ({
  state: view ? 'in-call' : 'idle',
  call: view,
  settings: { ...initial.settings, name: 'Ana' },
  version: '0.1.0',
  ...more,
});

export const message = (id: string, at: number, more: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  at,
  from: 'Ben',
  author: 'ben',
  text: id,
  ...more,
});

export const failure: UserError = { code: 'camera-busy' };
