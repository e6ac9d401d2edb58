import { limits } from '../limits';
import type { PictureError, PictureState } from '../pictures';
import { avcCodec } from './avc';
import { Clock, type Packet, type VideoCodec } from './packet';

export interface DecoderEvents {
  /** A decoded picture; the receiver closes it. */
  frame(frame: VideoFrame): void;
  /** Nothing can be decoded before the next key frame. */
  keyNeeded(): void;
  state(state: PictureState): void;
}

/** What a decoder is made with; tests put their own in. */
export type MakeDecoder = ((init: VideoDecoderInit) => VideoDecoder) | null;

/** Frames a decoder may be behind (a third of a second at 30 fps); beyond, everything up to the next key frame is dropped. */
const MOST_BEHIND = 10;
/** Errors in a row, without a picture between, after which the tile says so. */
const ERRORS_SHOWN = 3;

/** WebCodecs' name for what a key frame needs (W3C WebCodecs codec registry). */
function codecName({ codec, data }: Packet): string {
  switch (codec) {
    case 'vp8':
      return 'vp8';
    case 'vp9':
      return 'vp09.00.10.08';
    case 'h264':
      return avcCodec(data);
  }
}

/** Decodes one track. Starts at a key frame, and starts over at one after each error or overload. */
export class TrackDecoder {
  readonly #make: MakeDecoder;
  readonly #events: DecoderEvents;
  readonly #clock = new Clock();
  #decoder: VideoDecoder | null = null;
  #configured = '';
  #needsKey = true;
  #errors = 0;
  #unsupported: VideoCodec | null = null;
  #reported = 'waiting';

  constructor(make: MakeDecoder, events: DecoderEvents) {
    this.#make = make;
    this.#events = events;
  }

  /** True while nothing can be shown before a key frame, and one would help. */
  get needsKey(): boolean {
    return this.#needsKey && this.#make !== null && this.#unsupported === null;
  }

  push(packet: Packet): void {
    if (!this.#make) return this.#fail('no-decoder', packet.codec);
    const microseconds = this.#clock.microseconds(packet.timestamp);
    if (this.#decoder && this.#decoder.decodeQueueSize > MOST_BEHIND) this.#needsKey = true;
    if (this.#needsKey && !packet.key) return this.#events.keyNeeded();
    if (this.#unsupported === packet.codec) return;
    try {
      if (packet.key) this.#prepare(this.#make, packet);
      this.#decoder?.decode(
        new EncodedVideoChunk({ type: packet.key ? 'key' : 'delta', timestamp: microseconds, data: packet.data }),
      );
      this.#needsKey = false;
    } catch (error) {
      this.#failed(error, packet.codec);
    }
  }

  /** Waits for a key frame: what came before and what comes next do not belong together. */
  restart(): void {
    this.#needsKey = true;
  }

  close(): void {
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
    this.#needsKey = true;
  }

  /** Makes or configures the decoder. WebKitGTK keeps the old size of VP8 unless it is configured anew. */
  #prepare(make: NonNullable<MakeDecoder>, packet: Packet): void {
    const { codec, width, height } = packet;
    const name = codecName(packet);
    this.#unsupported = null;
    if (this.#decoder?.state === 'closed') this.#decoder = null;
    const decoder = (this.#decoder ??= this.#create(make, codec));
    const wanted = `${name} ${width}x${height}`;
    if (decoder.state !== 'unconfigured' && this.#configured === wanted) return;
    const size = width > 0 && height > 0 ? { codedWidth: width, codedHeight: height } : {};
    decoder.configure({ codec: name, optimizeForLatency: true, ...size });
    this.#configured = wanted;
  }

  #create(make: NonNullable<MakeDecoder>, codec: VideoCodec): VideoDecoder {
    const decoder: VideoDecoder = make({
      output: (frame) => {
        if (this.#decoder !== decoder) return frame.close();
        // The backend lets none of them through by what their headers say.
        if (frame.codedWidth * frame.codedHeight > limits.picturePixels) {
          frame.close();
          this.close();
          return this.#fail('broken', codec);
        }
        this.#errors = 0;
        this.#report({ state: 'playing' });
        this.#events.frame(frame);
      },
      error: (error) => {
        if (this.#decoder === decoder) this.#failed(error, codec);
      },
    });
    return decoder;
  }

  #failed(error: unknown, codec: VideoCodec): void {
    this.close();
    if (error instanceof DOMException && error.name === 'NotSupportedError') {
      this.#unsupported = codec;
      return this.#fail('no-codec', codec);
    }
    this.#errors += 1;
    if (this.#errors >= ERRORS_SHOWN) this.#fail('broken', codec);
    this.#events.keyNeeded();
  }

  #fail(error: PictureError, codec: VideoCodec): void {
    this.#report({ state: 'failed', error, codec });
  }

  #report(state: PictureState): void {
    const name = state.state === 'failed' ? `${state.error} ${state.codec}` : state.state;
    if (name === this.#reported) return;
    this.#reported = name;
    this.#events.state(state);
  }
}
