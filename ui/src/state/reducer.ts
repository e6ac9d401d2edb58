import type { CallView, ChatMessage, DeviceState, MediaState, Participant, SelfView, Settings, Snapshot, TrackView } from '../backend/types';
import { limits } from '../backend/limits';
import { announce, announceMessage, notify } from './announce';
import { endAbout, endNotices } from './causes';
import { isOwn, type Action, type AppState } from './model';
import { rehearsalOutsideCall } from './outside-call';
import { came, giveUpAwaited, went } from './presence';
import { SELF, speakingIds, updateVoices, type Voices } from './voice-activity';
import { isScreen } from './tiles';

/** The state after `action`. Pure; `now` is the time in milliseconds since 1970. */
export function reduce(state: AppState, action: Action, now: number): AppState {
  return endNotices(state, step(state, action, now));
}

function step(state: AppState, action: Action, now: number): AppState {
  switch (action.type) {
    case 'snapshot':
      return takeSnapshot(state, action.snapshot, now);
    case 'call-state':
      return setCallState(state, action.state, now);
    case 'peer-connecting':
      return setParticipant(state, action.participant);
    case 'peer-connect':
      return peerConnect(state, action.participant, now);
    case 'peer-state':
      return peerState(state, action.id, action.state, now);
    case 'peer-disconnect':
      return peerDisconnect(state, action.id, now);
    case 'track-added':
      return setTrack(state, action.id, action.track.handle, action.track, now);
    case 'track-removed':
      return setTrack(state, action.id, action.handle, null, now);
    case 'participant-changed':
      return find(state, action.participant.id) ? setParticipant(state, action.participant) : state;
    case 'media-state':
      return mediaState(state, action.id, action.media, now);
    case 'me':
      return setMe(state, action.me, now);
    case 'chat':
      return takeMessage(state, action.message, action.place, now);
    case 'levels':
      return takeLevels(state, action.levels);
    case 'active-speaker':
      return changeCall(state, (call) => ({ ...call, activeSpeaker: action.id }));
    case 'speaking-while-muted':
      return state.call?.me.mic.state === 'off' ? announce({ ...state, mutedSpeech: now }, now, 'say.muted.own') : state;
    case 'rehearsal':
      return { ...state, rehearsal: state.call ? action.rehearsal : rehearsalOutsideCall(action.rehearsal) };
    case 'ui-rehearsal-over':
      return { ...state, rehearsal: null, ownLevel: 0 };
    case 'devices':
      return { ...state, devices: action.devices };
    case 'stats':
      return { ...state, stats: Object.fromEntries(action.peers.map((peer) => [peer.id, peer])) };
    case 'notice':
      // Nobody gets a smaller picture where nobody is.
      if (action.notice.error.code === 'computer-busy' && !state.call?.participants.length) return state;
      return notify(state, action.notice.error, action.notice.urgent);
    case 'settings':
      return setSettings(state, action.settings, now);
    case 'open-link':
      return { ...state, openLink: action.opening };
    case 'ui-panel':
      return { ...state, panel: action.panel, unread: action.panel === 'chat' ? 0 : state.unread };
    case 'ui-error':
      return notify(state, action.error, action.urgent);
    case 'ui-dismiss':
      return { ...state, notices: state.notices.filter((notice) => notice.id !== action.id) };
    case 'ui-awaited-over':
      return giveUpAwaited(state, now);
    case 'ui-saved':
      return endAbout(state, 'saving');
    case 'ui-copied':
      return endAbout(state, 'copying');
    case 'ui-link-taken':
      return { ...state, openLink: null };
  }
}

function takeSnapshot(state: AppState, snapshot: Snapshot, now: number): AppState {
  const base = { ...state, ready: true, settings: snapshot.settings, version: snapshot.version, callState: snapshot.state };
  if (!snapshot.call) return leave(base);
  const same = state.call !== null && state.call.link === snapshot.call.link;
  const call = { ...snapshot.call, chat: snapshot.call.chat.slice(-limits.chatHistory) };
  const met = call.participants.some(isReached) || call.chat.some((message) => message.author !== call.me.id);
  if (same) return withOwnId({ ...base, call, met: state.met || met });
  const entered = { ...leave(base), call, met, before: call.participants.map((them) => them.id) };
  return withOwnId(snapshot.state === 'joining' ? entered : announce(entered, now, 'say.in'));
}

/** Says how one will enter a call where that changes: by key nothing else says it. */
function setSettings(state: AppState, settings: Settings, now: number): AppState {
  let next: AppState = { ...state, settings };
  if (state.call) return next;
  const before = state.settings;
  if (before.micOn !== settings.micOn) next = announce(next, now, settings.micOn ? 'say.enter.mic.on' : 'say.enter.mic.off');
  if (before.cameraOn !== settings.cameraOn) next = announce(next, now, settings.cameraOn ? 'say.enter.camera.on' : 'say.enter.camera.off');
  return next;
}

function setCallState(state: AppState, callState: AppState['callState'], now: number): AppState {
  if (callState === state.callState) return state;
  const next = { ...state, callState };
  if (callState === 'idle') return state.call ? announce(leave(next), now, 'say.out') : leave(next);
  if (callState === 'server-lost') return announce(next, now, 'say.server.lost', {}, { urgent: true });
  if (state.callState === 'server-lost') {
    return announce({ ...next, serverBackAt: now }, now, 'say.server.back', {}, { visible: true });
  }
  return callState === 'in-call' && state.call ? announce(next, now, 'say.in') : next;
}

/** Forgets everything that belongs to a call. Notices stay: one of them may say why it ended. */
function leave(state: AppState): AppState {
  return { ...state, call: null, panel: null, unread: 0, voices: {}, speaking: [], stats: {}, ownLevel: 0, mutedSpeech: null, ownIds: [], before: [], met: false, serverBackAt: null, awaited: [] };
}

/** A connection to them stood. */
function isReached({ state }: Participant): boolean {
  return state !== 'connecting' && state !== 'unreachable';
}

function changeCall(state: AppState, change: (call: CallView) => CallView): AppState {
  return state.call ? { ...state, call: change(state.call) } : state;
}

function find(state: AppState, id: string): Participant | undefined {
  return state.call?.participants.find((them) => them.id === id);
}

function changeParticipant(state: AppState, id: string, change: (them: Participant) => Participant): AppState {
  if (!find(state, id)) return state;
  return changeCall(state, (call) => ({
    ...call,
    participants: call.participants.map((them) => (them.id === id ? change(them) : them)),
  }));
}

/** Adds someone at the end, or replaces them at their place. */
function setParticipant(state: AppState, participant: Participant): AppState {
  if (find(state, participant.id)) return changeParticipant(state, participant.id, () => participant);
  return changeCall(state, (call) => ({ ...call, participants: [...call.participants, participant] }));
}

/** Adds, replaces or, with null, removes a track; says so where a screen comes or goes. */
function setTrack(state: AppState, id: string, handle: number, track: TrackView | null, now: number): AppState {
  const them = find(state, id);
  if (!them) return state;
  const before = them.tracks.find((known) => known.handle === handle);
  const rest = them.tracks.filter((known) => known !== before);
  const next = changeParticipant(state, id, (known) => ({ ...known, tracks: track ? [...rest, track] : rest }));
  const [was, is] = [before, track].map((one) => one != null && isScreen(one));
  return was === is ? next : announce(next, now, is ? 'say.shares' : 'say.shares.no', { name: them.name }, { visible: true });
}

function peerConnect(state: AppState, participant: Participant, now: number): AppState {
  if (!state.call) return state;
  const before = find(state, participant.id)?.state;
  const next = setParticipant(state, participant);
  if (before === 'connected' || before === 'reconnecting') return next;
  return came(next, participant, now);
}

function peerState(state: AppState, id: string, peer: Participant['state'], now: number): AppState {
  const them = find(state, id);
  if (!them || them.state === peer) return state;
  const next = changeParticipant(state, id, (known) => ({ ...known, state: peer }));
  if (peer === 'reconnecting') return announce(next, now, 'say.reconnecting', { name: them.name });
  const repaired = them.state === 'reconnecting' && peer === 'connected';
  return repaired ? announce(next, now, 'say.reconnected', { name: them.name }) : next;
}

function peerDisconnect(state: AppState, id: string, now: number): AppState {
  const them = find(state, id);
  if (!them) return state;
  const { [id]: _stats, ...stats } = state.stats;
  const { [id]: _voice, ...voices } = state.voices;
  const next = changeCall(setVoices({ ...state, stats }, voices), (call) => ({
    ...call,
    participants: call.participants.filter((other) => other.id !== id),
  }));
  // Someone who never got through was never seen to join, so does not leave either.
  if (!isReached(them)) return next;
  return went(next, them, now);
}

function mediaState(state: AppState, id: string, media: MediaState, now: number): AppState {
  const them = find(state, id);
  if (!them) return state;
  let next = changeParticipant(state, id, (known) => ({ ...known, media }));
  if (!them.media) return next;
  const params = { name: them.name };
  if (them.media.mic !== media.mic) next = announce(next, now, media.mic ? 'say.unmuted' : 'say.muted', params);
  if (them.media.cam !== media.cam) next = announce(next, now, media.cam ? 'say.camera.on' : 'say.camera.off', params);
  return next;
}

function setMe(state: AppState, me: SelfView, now: number): AppState {
  const before = state.call?.me;
  if (!before) return state;
  let next = withOwnId(changeCall(state, (call) => ({ ...call, me })));
  if (switched(before.mic, me.mic)) next = announce(next, now, me.mic.state === 'on' ? 'say.mic.on' : 'say.mic.off');
  if (switched(before.camera, me.camera)) {
    next = announce(next, now, me.camera.state === 'on' ? 'say.camera.own.on' : 'say.camera.own.off');
  }
  if (before.share && !me.share) next = announce(next, now, 'say.share.own.no');
  for (const device of ['mic', 'camera'] as const) next = deviceFailed(next, before[device], me[device]);
  return me.mic.state === 'off' ? next : { ...next, mutedSpeech: null };
}

function takeLevels(state: AppState, levels: [string, number][]): AppState {
  const ownLevel = levels.find(([id]) => id === SELF)?.[1] ?? 0;
  const next = ownLevel === state.ownLevel ? state : { ...state, ownLevel };
  return next.call ? setVoices(next, updateVoices(next.voices, levels)) : next;
}

function setVoices(state: AppState, voices: Voices): AppState {
  if (voices === state.voices) return state;
  return { ...state, voices, speaking: speakingIds(voices, state.speaking) };
}

function switched(before: DeviceState, after: DeviceState): boolean {
  return before.state !== after.state && (after.state === 'on' || after.state === 'off') && before.state !== 'failed';
}

/** A device that stops working says so once; the tile and the button keep saying it. */
function deviceFailed(state: AppState, before: DeviceState, after: DeviceState): AppState {
  if (after.state !== 'failed') return state;
  if (before.state === 'failed' && before.error.code === after.error.code) return state;
  // Where sound is missing altogether, the speaker's banner says it already.
  const speaker = state.call?.me.speaker;
  if (speaker?.state === 'failed' && speaker.error.code === after.error.code) return state;
  return notify(state, after.error, false);
}

function withOwnId(state: AppState): AppState {
  const id = state.call?.me.id;
  return !id || state.ownIds.includes(id) ? state : { ...state, ownIds: [...state.ownIds, id] };
}

function takeMessage(state: AppState, message: ChatMessage, place: number | undefined, now: number): AppState {
  const known = state.call?.chat;
  if (!known) return state;
  const chat = insertMessage(known, message, place);
  if (chat === known) return state;
  const next = changeCall(state, (call) => ({ ...call, chat: chat as ChatMessage[] }));
  // What was said before one came is no news: it is neither counted nor read out.
  if (place !== undefined || isOwn(state, message)) return next;
  const unread = state.panel === 'chat' ? 0 : state.unread + 1;
  return announceMessage({ ...next, unread }, now, message.from, message.text);
}

/** Inserts at `place`, or as the newest. A known author and id is ignored, unless only somebody else told it so far. */
export function insertMessage(chat: readonly ChatMessage[], message: ChatMessage, place: number = chat.length): readonly ChatMessage[] {
  const known = chat.find(({ author, id }) => author === message.author && id === message.id);
  if (known && (known.toldBy === undefined || message.toldBy !== undefined)) return chat;
  const rest = chat.filter((other) => other !== known);
  return bounded([...rest.slice(0, place), message, ...rest.slice(place)]);
}

/** Beyond the limit the oldest of whoever gave most goes, as in the backend. */
function bounded(chat: readonly ChatMessage[]): readonly ChatMessage[] {
  if (chat.length <= limits.chatHistory) return chat;
  const source = ({ author, toldBy }: ChatMessage) => (toldBy === undefined ? `by ${author}` : `told by ${toldBy}`);
  const counts = new Map<string, number>();
  for (const message of chat) counts.set(source(message), (counts.get(source(message)) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const oldest = chat.findIndex((message) => counts.get(source(message)) === most);
  return chat.filter((_, index) => index !== oldest);
}
