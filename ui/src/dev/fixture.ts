import type { Backend } from '../backend/door';
import type { DeviceState, Participant, SelfView, Snapshot, UiEvent } from '../backend/types';
import { openPattern } from './pattern';
import { devices, scenes, type Scene } from './scenes';

/** A backend that plays a scene, for development in a plain browser. Never part of the production bundle. */

let emit: (event: UiEvent) => void = () => {};
let scene: Scene;
let timers: ReturnType<typeof setTimeout>[] = [];

function choose(): Scene {
  const all = scenes(Date.now());
  const name = location.hash.slice(1) || 'home';
  return (all[name] ?? all.home!)();
}

window.addEventListener('hashchange', () => location.reload());

let rehearsal: ReturnType<typeof setInterval> | undefined;

function setMe(change: Partial<SelfView>): void {
  const { call } = scene.snapshot;
  if (!call) return;
  call.me = { ...call.me, ...change };
  emit({ type: 'me', me: call.me });
}

function changePeer(id: string, change: Partial<Participant>): void {
  const participants = scene.snapshot.call?.participants ?? [];
  const index = participants.findIndex((them) => them.id === id);
  const known = participants[index];
  if (!known) return;
  const participant = (participants[index] = { ...known, ...change });
  emit({ type: 'participant-changed', participant });
}

function setDevice(device: 'mic' | 'camera', state: DeviceState): void {
  setMe({ [device]: state });
}

function change(snapshot: Partial<Snapshot>): void {
  scene.snapshot = { ...scene.snapshot, ...snapshot };
  emit({ type: 'snapshot', snapshot: structuredClone(scene.snapshot) });
}

async function enter(): Promise<void> {
  if (scene.refuse) throw scene.refuse;
  emit({ type: 'call-state', state: 'joining' });
  if (scene.hang) return new Promise((resolve) => (giveUp = resolve));
  await new Promise((resolve) => setTimeout(resolve, 300));
  scene = scenes(Date.now())['call-3']!();
  change({});
}

/** Ends a pending `enter`, as the backend does when one stops joining. */
let giveUp: () => void = () => {};

export const fixture: Backend = {
  subscribe(_decoders, onEvent) {
    emit = onEvent;
    scene = choose();
    timers.forEach(clearTimeout);
    const snapshot = structuredClone(scene.snapshot);
    onEvent({ type: 'snapshot', snapshot });
    timers = (scene.events ?? []).map(([delay, event]) => setTimeout(() => emit(event), delay));
    return Promise.resolve(snapshot);
  },
  startCall: enter,
  joinCall: enter,
  async leaveCall() {
    giveUp();
    scene.snapshot = { ...scene.snapshot, state: 'idle', call: null };
    emit({ type: 'call-state', state: 'idle' });
  },
  async setMic(on) {
    setDevice('mic', { state: on ? 'on' : 'off' });
  },
  async setCamera(on) {
    if (on) setDevice('camera', { state: 'starting' });
    await new Promise((resolve) => setTimeout(resolve, on ? 600 : 60));
    setDevice('camera', { state: on ? 'on' : 'off' });
  },
  async sendChat(text) {
    if (text === '/fail') throw { code: 'server-lost', message: 'The server is gone for the moment.' };
    const message = { id: crypto.randomUUID(), from: 'Ana Ruiz', author: 'me', text, at: Date.now() };
    emit({ type: 'chat', message });
  },
  async copyLink() {},
  async openExternal(url) {
    console.info('would open', url);
  },
  async saveSettings(settings) {
    if (settings.server && !/^https?:\/\//.test(settings.server)) {
      throw { code: 'bad-server', message: 'That is not a server address. It looks like https://meet.example.org or http://192.168.1.20:7420.', detail: 'relative URL without a base' };
    }
    return settings;
  },
  async listDevices() {
    return structuredClone(devices);
  },
  async startRehearsal({ microphone, camera }) {
    clearInterval(rehearsal);
    const now = (on: boolean): DeviceState => ({ state: on ? 'on' : 'off' });
    emit({ type: 'rehearsal', rehearsal: scene.trouble ?? { microphone: now(microphone), camera: now(camera) } });
    if (microphone && !scene.trouble) rehearsal = setInterval(() => emit({ type: 'levels', levels: [['self', 0.02 + 0.1 * Math.random()]] }), 100);
  },
  async stopRehearsal() {
    clearInterval(rehearsal);
  },
  playTestSound: () => new Promise((resolve) => setTimeout(resolve, 1200)),
  async peekRoom() {
    return scene.inside ?? null;
  },
  async listShareSources() {
    return structuredClone(scene.choice ?? { sources: [], sound: false });
  },
  async startShare(id, sound) {
    const title = scene.choice?.sources.find((source) => source.id === id)?.title ?? id;
    setMe({ share: { title, capture: { state: 'on' }, paused: false, sound } });
  },
  async stopShare() {
    setMe({ share: null });
  },
  async setPeerVolume(id, volume) {
    changePeer(id, { volume });
  },
  async setMutedForMe(id, mutedForMe) {
    changePeer(id, { mutedForMe });
  },
  async openMedia(handlers) {
    const size = scene.portrait ? { width: 360, height: 640 } : { width: 640, height: 360 };
    return openPattern(scene.pictures ?? [], handlers, size);
  },
};
