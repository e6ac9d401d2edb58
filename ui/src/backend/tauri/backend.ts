import { Channel, invoke } from '@tauri-apps/api/core';
import type { Backend } from '../backend';
import type { DeviceList, RoomPeek, RoomTarget, Settings, ShareChoice, Snapshot, UiEvent } from '../types';
import { findDecoders } from './avc';
import { CanvasPictures } from './canvas';
import { openSocket } from './connection';

/** The backend behind Tauri's IPC. */
export const tauri: Backend = {
  async subscribe(onEvent) {
    const decoders = await findDecoders();
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
  findRoom: (text) => invoke<RoomTarget>('find_room', { text }),
  joinCall: (link, token, name, entry) => invoke('join_call', { link, token, name, ...entry }),
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
  peekRoom: (link, token) => invoke<RoomPeek | null>('peek_room', { link, token }),
  checkServer: (address, token) => invoke<string>('check_server', { address, token }),
  listShareSources: () => invoke<ShareChoice>('list_share_sources'),
  startShare: (id, sound) => invoke('start_share', { id, sound }),
  stopShare: () => invoke('stop_share'),
  setPeerVolume: (id, volume) => invoke('set_peer_volume', { id, volume }),
  setMutedForMe: (id, muted) => invoke('set_muted_for_me', { id, muted }),
  setZoom: (factor) => invoke('set_zoom', { factor }),
  openPictures: (onConnected) =>
    new CanvasPictures(async (handlers) => openSocket(await invoke<string>('media_socket'), handlers), onConnected),
};
