import type { Backend, Entry, Rehearsal } from '../backend/backend';
import type { DeviceState, Participant, SelfView, ShareChoice, Snapshot, UiEvent, UserError } from '../backend/types';
import { CanvasPictures } from '../backend/tauri/canvas';
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

/** Devices that answer take their time, and one request must not overtake another. */
let rehearsing = false;

async function tryDevices(wanted: Rehearsal): Promise<void> {
  if (rehearsing) console.error('one rehearsal may overtake another');
  rehearsing = true;
  clearInterval(rehearsal);
  // To give devices back takes longest.
  await new Promise((resolve) => setTimeout(resolve, wanted.microphone || wanted.camera ? 60 : 200));
  rehearsing = false;
  const { microphone, camera } = wanted;
  document.documentElement.dataset.rehearsals = String(++rehearsals);
  document.documentElement.dataset.rehearsed = [microphone && 'microphone', camera && 'camera'].filter(Boolean).join(' ');
  const level = () => (microphone && !scene.trouble ? 0.02 + 0.1 * Math.random() : 0);
  if (microphone || camera) rehearsal = setInterval(() => emit({ type: 'levels', levels: [['self', level()]] }), 100);
}

/** How often it was asked who is inside. */
let asked = 0;

/** How often the sound that tries a speaker was asked for, and devices. */
let sounds = 0;
let rehearsals = 0;

let volumeOnItsWay = false;

const switched = (on: boolean): DeviceState => ({ state: on ? 'on' : 'off' });

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

/** What one can share in this scene. */
function sources(): ShareChoice {
  const choice = scene.choice ?? { sources: [], sound: false };
  if ('code' in choice) throw choice;
  return choice;
}

function change(snapshot: Partial<Snapshot>): void {
  scene.snapshot = { ...scene.snapshot, ...snapshot };
  emit({ type: 'snapshot', snapshot: structuredClone(scene.snapshot) });
}

async function enter(name: string, entry: Entry): Promise<void> {
  if (scene.refuse) throw scene.refuse;
  emit({ type: 'call-state', state: 'joining' });
  if (scene.hang) return new Promise((resolve) => (giveUp = resolve));
  await new Promise((resolve) => setTimeout(resolve, 300));
  clearInterval(rehearsal);
  const { settings } = scene.snapshot;
  scene = scenes(Date.now())['call-3']!();
  const call = scene.snapshot.call!;
  change({ settings, call: { ...call, me: { ...call.me, name, mic: switched(entry.mic), camera: switched(entry.camera) } } });
}

/** Ends a pending `enter`, as the backend does when one stops joining. */
let giveUp: () => void = () => {};

export const sceneBackend: Backend = {
  subscribe(onEvent) {
    emit = onEvent;
    scene = choose();
    timers.forEach(clearTimeout);
    const snapshot = structuredClone(scene.snapshot);
    onEvent({ type: 'snapshot', snapshot });
    timers = (scene.events ?? []).map(([delay, event]) => setTimeout(() => emit(event), delay));
    return Promise.resolve(snapshot);
  },
  startCall: enter,
  async findRoom(text) {
    // The backend knows more links than these.
    const [link, scheme, host, room] = /(https?):\/\/([^\s/]+)\/r\/([\w.~-]+)/.exec(text) ?? [];
    if (!link || !host || !room) throw { code: 'bad-link' } satisfies UserError;
    return { link, host, room, private: scheme === 'https', known: true };
  },
  joinCall: (_link, _token, name, entry) => enter(name, entry),
  async leaveCall() {
    giveUp();
    scene.snapshot = { ...scene.snapshot, state: 'idle', call: null };
    emit({ type: 'call-state', state: 'idle' });
  },
  async setMic(on) {
    setDevice('mic', switched(on));
  },
  async setCamera(on) {
    if (on) setDevice('camera', { state: 'starting' });
    await new Promise((resolve) => setTimeout(resolve, on ? 600 : 60));
    setDevice('camera', switched(on));
  },
  async sendChat(text) {
    if (text === '/fail') throw { code: 'server-lost' } satisfies UserError;
    const message = { id: crypto.randomUUID(), from: 'Ana Ruiz', author: 'me', text, at: Date.now() };
    emit({ type: 'chat', message });
  },
  async copyLink() {},
  async openExternal(url) {
    console.info('would open', url);
  },
  async checkServer(address) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    if (address === 'nonsense') throw { code: 'bad-server', detail: 'relative URL without a base' } satisfies UserError;
    if (address.includes('silent')) throw { code: 'server-unreachable' } satisfies UserError;
    return /^https?:/.test(address) ? address : `https://${address}/`;
  },
  async saveSettings(settings) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    if (scene.unsaved) throw scene.unsaved;
    if (settings.server && !/^https?:\/\//.test(settings.server)) {
      throw { code: 'bad-server', detail: 'relative URL without a base' } satisfies UserError;
    }
    scene.snapshot.settings = settings;
    return settings;
  },
  async listDevices() {
    return structuredClone(scene.devices ?? devices);
  },
  async startRehearsal(wanted) {
    await tryDevices(wanted);
    const state = (on: boolean, failed: DeviceState | undefined) => (on && failed ? failed : switched(on));
    emit({
      type: 'rehearsal',
      rehearsal: { microphone: state(wanted.microphone, scene.trouble?.microphone), camera: state(wanted.camera, scene.trouble?.camera) },
    });
  },
  stopRehearsal: () => tryDevices({ microphone: false, camera: false }),
  async playTestSound() {
    document.documentElement.dataset.sounds = String(++sounds);
    if (scene.unheard) throw scene.unheard;
    await new Promise((resolve) => setTimeout(resolve, 1200));
  },
  async peekRoom() {
    document.documentElement.dataset.asked = String(++asked);
    const closed = scene.closed?.[Math.min(asked, scene.closed.length) - 1];
    if (closed) throw closed;
    return scene.inside?.[Math.min(asked, scene.inside.length) - 1] ?? null;
  },
  async listShareSources() {
    // Told to browser/: what is on the screen now is in the small pictures.
    document.dispatchEvent(new Event('listing'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    return structuredClone(sources());
  },
  async startShare(id, sound) {
    if (scene.unshared) {
      await new Promise((resolve) => setTimeout(resolve, 900));
      throw scene.unshared;
    }
    const title = sources().sources.find((source) => source.id === id)?.title ?? id;
    setMe({ share: { title, capture: { state: 'on' }, paused: false, sound } });
  },
  async stopShare() {
    setMe({ share: null });
  },
  async setPeerVolume(id, volume) {
    if (volumeOnItsWay) console.error('one volume may overtake another');
    volumeOnItsWay = true;
    await new Promise((resolve) => setTimeout(resolve, 90));
    volumeOnItsWay = false;
    changePeer(id, { volume });
  },
  async setMutedForMe(id, mutedForMe) {
    changePeer(id, { mutedForMe });
  },
  async setZoom(factor) {
    document.documentElement.dataset.zoom = String(factor);
  },
  openPictures: (onConnected) =>
    new CanvasPictures((handlers) => {
      const size = scene.portrait ? { width: 360, height: 640 } : { width: 640, height: 360 };
      return openPattern(scene.pictures ?? [], handlers, size);
    }, onConnected),
};
