import type { MediaRequest } from '../types';

/** What a media connection reports. */
export interface MediaHandlers {
  /** One binary message (crates/ipc/src/frame.rs). */
  message(data: ArrayBuffer): void;
  /** The connection is gone; called once, never after `close()`. */
  closed(): void;
}

/** A connection that carries encoded pictures to the webview and requests back. */
export interface MediaConnection {
  send(request: MediaRequest): void;
  close(): void;
}

/** How long a loopback connection may take. */
const OPEN_TIMEOUT = 10_000;

/** Connects to the media socket; its address holds a token that is good for one connection. */
export function openSocket(url: string, handlers: MediaHandlers): Promise<MediaConnection> {
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
