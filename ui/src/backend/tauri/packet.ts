import { limits } from '../limits';
import type { Codec } from '../types';

/** Layout of a message: crates/ipc/src/frame.rs. */
const { frameVersion: VERSION, frameHeaderBytes: HEADER_BYTES } = limits;
const CODECS: readonly VideoCodec[] = ['vp8', 'vp9', 'h264'];

export type VideoCodec = Exclude<Codec, 'opus'>;

/** One encoded picture. */
export interface Packet {
  handle: number;
  codec: VideoCodec;
  key: boolean;
  /** RTP timestamp, 1/90000 s, wraps at 2^32. */
  timestamp: number;
  /** Pixels, 0 if not known. */
  width: number;
  height: number;
  data: Uint8Array;
}

/** Reads one message; null if it is not one. */
export function parsePacket(message: ArrayBuffer): Packet | null {
  if (message.byteLength <= HEADER_BYTES) return null;
  const view = new DataView(message);
  const codec = CODECS[view.getUint8(2)];
  if (view.getUint8(0) !== VERSION || !codec) return null;
  const data = new Uint8Array(message, HEADER_BYTES);
  const key = (view.getUint8(1) & 1) === 1;
  const size = (key && codec === 'vp8' && vp8Size(data)) || { width: view.getUint16(12, true), height: view.getUint16(14, true) };
  return { handle: view.getUint32(4, true), codec, key, timestamp: view.getUint32(8, true), data, ...size };
}

/** The size that a VP8 key frame carries (RFC 6386 section 9.1): behind a 3-byte tag and the start code 9d 01 2a. */
function vp8Size(data: Uint8Array): { width: number; height: number } | null {
  if (data.length < 10 || data[3] !== 0x9d || data[4] !== 0x01 || data[5] !== 0x2a) return null;
  return { width: (data[6]! | (data[7]! << 8)) & 0x3fff, height: (data[8]! | (data[9]! << 8)) & 0x3fff };
}

/** Turns RTP timestamps of one track into microseconds that do not wrap (RFC 3550 section 5.1). */
export class Clock {
  #last: number | null = null;
  #ticks = 0;

  microseconds(timestamp: number): number {
    if (this.#last !== null) this.#ticks += (timestamp - this.#last) | 0;
    this.#last = timestamp;
    return Math.round((this.#ticks * 100) / 9);
  }
}
