import type { MediaConnection, MediaHandlers } from './connection';
import { limits } from '../limits';
import type { MediaRequest } from '../types';

/** Stand-ins for the browser's parts, for unit tests in Node. */

export class FakeFrame {
  closed = false;
  constructor(readonly timestamp: number) {}
  close(): void {
    this.closed = true;
  }
}

export class FakeDecoder {
  state: CodecState = 'unconfigured';
  decodeQueueSize = 0;
  configs: VideoDecoderConfig[] = [];
  frames: FakeFrame[] = [];
  /** Decodes nothing while true. */
  silent = false;
  /** Thrown by the next `configure`. */
  refusal: Error | null = null;

  constructor(readonly init: VideoDecoderInit) {}

  configure(config: VideoDecoderConfig): void {
    if (this.refusal) throw this.refusal;
    this.state = 'configured';
    this.configs.push(config);
  }

  decode(chunk: { timestamp: number }): void {
    if (this.state !== 'configured') throw new Error('not configured');
    if (this.silent) return;
    const frame = new FakeFrame(chunk.timestamp);
    this.frames.push(frame);
    this.init.output(frame as unknown as VideoFrame);
  }

  break(error: Error): void {
    this.state = 'closed';
    this.init.error(error as DOMException);
  }

  close(): void {
    this.state = 'closed';
  }
}

/** `VideoDecoder`s that remember themselves. */
export class Decoders {
  made: FakeDecoder[] = [];
  refusal: Error | null = null;
  silent = false;

  make = (init: VideoDecoderInit): VideoDecoder => {
    const decoder = new FakeDecoder(init);
    decoder.refusal = this.refusal;
    decoder.silent = this.silent;
    this.made.push(decoder);
    return decoder as unknown as VideoDecoder;
  };

  get last(): FakeDecoder {
    const decoder = this.made.at(-1);
    if (!decoder) throw new Error('no decoder was made');
    return decoder;
  }
}

export class FakeChunk {
  readonly type: EncodedVideoChunkType;
  readonly timestamp: number;
  constructor(init: EncodedVideoChunkInit) {
    this.type = init.type;
    this.timestamp = init.timestamp;
  }
}

export class FakeConnection implements MediaConnection {
  sent: MediaRequest[] = [];
  open = true;
  constructor(readonly handlers: MediaHandlers) {}
  send(request: MediaRequest): void {
    this.sent.push(request);
  }
  close(): void {
    this.open = false;
  }
  drop(): void {
    this.open = false;
    this.handlers.closed();
  }
}

/** A message of the media socket: of VP8 without content, or of H.264 with the NAL units `avc`. */
export function frameMessage(
  handle: number,
  key: boolean,
  timestamp: number,
  width = 640,
  height = 360,
  avc: number[] | null = null,
): ArrayBuffer {
  const message = new ArrayBuffer(limits.frameHeaderBytes + (avc?.length ?? 4));
  if (avc) new Uint8Array(message).set(avc, limits.frameHeaderBytes);
  const view = new DataView(message);
  view.setUint8(0, limits.frameVersion);
  view.setUint8(1, key ? 1 : 0);
  view.setUint8(2, avc ? 2 : 0);
  view.setUint32(4, handle, true);
  view.setUint32(8, timestamp, true);
  view.setUint16(12, width, true);
  view.setUint16(14, height, true);
  return message;
}
