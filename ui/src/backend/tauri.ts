import { Channel, invoke } from '@tauri-apps/api/core';
import type { Backend, MediaConnection, MediaHandlers } from './door';
import type { Settings, Snapshot, UiEvent } from './types';

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
  startCall: (name) => invoke('start_call', { name }),
  joinCall: (link, name) => invoke('join_call', { link, name }),
  leaveCall: () => invoke('leave_call'),
  setMic: (on) => invoke('set_mic', { on }),
  setCamera: (on) => invoke('set_camera', { on }),
  sendChat: (text) => invoke('send_chat', { text }),
  copyLink: () => invoke('copy_link'),
  openExternal: (url) => invoke('open_external', { url }),
  saveSettings: (settings) => invoke<Settings>('save_settings', { settings }),
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
