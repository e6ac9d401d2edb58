import { Channel, invoke } from '@tauri-apps/api/core';
import type { Backend, MediaConnection, MediaHandlers } from './door';
import type { DeviceList, RoomPeek, Settings, ShareChoice, Snapshot, UiEvent } from './types';

/** How long a loopback connection may take. */
const OPEN_TIMEOUT = 10_000;

/** The backend behind Tauri's IPC. */
export const tauri: Backend = {
  async subscribe(decoders, onEvent) {
    const channel = new Channel<UiEvent>();
    // Events may overtake the answer of the command on their way; the snapshot must come first.
    let waiting: UiEvent[] | null = [];
    channel.onmessage = (event) => (waiting ? waiting.push(event) : onEvent(event));
    const snapshot = await invoke<Snapshot>('subscribe', { channel, decoders });
    onEvent({ type: 'snapshot', snapshot });
    const early = waiting;
    waiting = null;
    early.forEach(onEvent);
    return snapshot;
  },
  startCall: (name, entry) => invoke('start_call', { name, ...entry }),
  joinCall: (link, name, entry) => invoke('join_call', { link, name, ...entry }),
  leaveCall: () => invoke('leave_call'),
  setMic: (on) => invoke('set_mic', { on }),
  setCamera: (on) => invoke('set_camera', { on }),
  sendChat: (text) => invoke('send_chat', { text }),
  copyLink: () => invoke('copy_link'),
  openExternal: (url) => invoke('open_external', { url }),
  saveSettings: (settings) => invoke<Settings>('save_settings', { settings }),
  listDevices: () => invoke<DeviceList>('list_devices'),
  startRehearsal: (wanted) => invoke('start_rehearsal', { ...wanted }),
  stopRehearsal: () => invoke('stop_rehearsal'),
  playTestSound: () => invoke('play_test_sound'),
  peekRoom: (link) => invoke<RoomPeek | null>('peek_room', { link }),
  listShareSources: () => invoke<ShareChoice>('list_share_sources'),
  startShare: (id, sound) => invoke('start_share', { id, sound }),
  stopShare: () => invoke('stop_share'),
  setPeerVolume: (id, volume) => invoke('set_peer_volume', { id, volume }),
  setMutedForMe: (id, muted) => invoke('set_muted_for_me', { id, muted }),
  openMedia: async (handlers) => openSocket(await invoke<string>('media_socket'), handlers),
};

/** Connects to the media socket; its address holds a token that is good for one connection. */
function openSocket(url: string, handlers: MediaHandlers): Promise<MediaConnection> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    let state: 'opening' | 'open' | 'over' = 'opening';
    const fail = (why: string) => {
      if (state === 'opening') reject(new Error(why));
      else if (state === 'open') handlers.closed();
      state = 'over';
      clearTimeout(timer);
      socket.close();
    };
    const timer = setTimeout(() => fail('the media socket did not open in time'), OPEN_TIMEOUT);
    socket.onmessage = ({ data }) => data instanceof ArrayBuffer && state === 'open' && handlers.message(data);
    socket.onerror = () => fail('the media socket failed');
    socket.onclose = () => fail('the media socket closed');
    socket.onopen = () => {
      if (state !== 'opening') return;
      state = 'open';
      clearTimeout(timer);
      resolve({
        send: (request) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(request)),
        close: () => {
          state = 'over';
          socket.close();
        },
      });
    };
  });
}
