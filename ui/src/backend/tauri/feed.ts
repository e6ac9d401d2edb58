import { limits } from '../limits';
import type { PictureState } from '../pictures';
import type { MediaConnection, MediaHandlers } from './connection';
import { TrackDecoder, type MakeDecoder } from './decoder';
import { parsePacket } from './packet';

/** Takes the decoded pictures of a track. */
export interface FrameSink {
  /** Draws a picture; it is closed afterwards. */
  draw(frame: VideoFrame): void;
  state(state: PictureState): void;
}

/** A sink that gets the pictures of a track. */
export interface Attachment {
  /**
   * Says how many pixels of the display the picture covers, so that no more are sent. The first size is told at once,
   * later ones when they have settled.
   */
  drawn(width: number, height: number): void;
  /** Shows nothing there any more. */
  detach(): void;
}

/** The parts of the browser that the feed uses; tests put their own in. */
export interface FeedPlatform {
  open(handlers: MediaHandlers): Promise<MediaConnection>;
  makeDecoder: MakeDecoder;
  requestFrame(callback: () => void): number;
  cancelFrame(id: number): void;
  now(): number;
  /** 0 to 1. */
  random(): number;
}

/** Key frames are asked for at most this often for one track, in milliseconds. */
const KEY_INTERVAL = 500;
/** A size that changes again within this time is not told, in milliseconds: a window that is pulled larger has many. */
const SIZE_SETTLES = 250;
/** First and longest wait before a new connection, in milliseconds; each try doubles it. */
const RETRY_FIRST = 200;
const RETRY_MOST = 5_000;

interface Track {
  decoder: TrackDecoder;
  /** Who shows it, each with the pixels that its picture covers, once known. */
  sinks: Map<FrameSink, Size | null>;
  state: PictureState;
  /** The newest picture that is not drawn yet. */
  next: VideoFrame | null;
  askedAt: number;
  /** The largest of the sizes. */
  drawn: Size | null;
  settling: ReturnType<typeof setTimeout> | undefined;
}

interface Size {
  width: number;
  height: number;
}

const HIDDEN: Size = { width: 0, height: 0 };

/**
 * Brings pictures from the media socket to canvases: one decoder a track, and of each track only the newest picture is
 * drawn, when the display asks for one. Reconnects by itself with back-off.
 */
export class MediaFeed {
  readonly #platform: FeedPlatform;
  readonly #tracks = new Map<number, Track>();
  readonly #onConnected: (connected: boolean) => void;
  #connection: MediaConnection | null = null;
  #running = false;
  #visible = true;
  #generation = 0;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frameRequest: number | null = null;

  constructor(platform: FeedPlatform, onConnected: (connected: boolean) => void = () => {}) {
    this.#platform = platform;
    this.#onConnected = onConnected;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#tries = 0;
    void this.#connect();
  }

  stop(): void {
    this.#running = false;
    this.#generation += 1;
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = null;
    if (this.#frameRequest !== null) this.#platform.cancelFrame(this.#frameRequest);
    this.#frameRequest = null;
    for (const track of this.#tracks.values()) this.#reset(track);
  }

  /** Shows track `handle` in `sink`, too. However many show a track, it is decoded once. */
  attach(handle: number, sink: FrameSink): Attachment {
    let track = this.#tracks.get(handle);
    if (track) sink.state(track.state);
    else this.#tracks.set(handle, (track = fresh((known) => this.#decoder(handle, known))));
    const shown = track;
    shown.sinks.set(sink, null);
    this.#askKey(handle, shown);
    return {
      drawn: (width, height) => {
        if (!shown.sinks.has(sink)) return;
        shown.sinks.set(sink, { width: pixels(width), height: pixels(height) });
        this.#measure(handle, shown);
      },
      detach: () => {
        if (!shown.sinks.delete(sink)) return;
        if (shown.sinks.size > 0) return this.#measure(handle, shown);
        this.#reset(shown);
        this.#tracks.delete(handle);
        this.#tellSize(handle, HIDDEN);
      },
    };
  }

  /** Takes the largest of a track's sizes for its own. */
  #measure(handle: number, track: Track): void {
    const sizes = [...track.sinks.values()].filter((size) => size !== null);
    if (sizes.length === 0) return;
    const size = sizes.reduce((largest, other) => (other.width * other.height > largest.width * largest.height ? other : largest));
    if (track.drawn?.width === size.width && track.drawn.height === size.height) return;
    const first = track.drawn === null;
    track.drawn = size;
    clearTimeout(track.settling);
    if (first) return this.#tellDrawn(handle, track);
    if (this.#visible) track.settling = setTimeout(() => this.#tellDrawn(handle, track), SIZE_SETTLES);
  }

  /** Says whether anybody sees the window: of one that is hidden or minimized nothing is drawn. */
  setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    for (const [handle, track] of this.#tracks) {
      clearTimeout(track.settling);
      this.#tellDrawn(handle, track);
    }
  }

  /** Tells how a track is drawn, once its size is known. */
  #tellDrawn(handle: number, track: Track): void {
    if (track.drawn) this.#tellSize(handle, this.#visible ? track.drawn : HIDDEN);
  }

  #tellSize(handle: number, size: Size): void {
    this.#connection?.send({ type: 'rendered-size', handle, ...size });
  }

  #decoder(handle: number, track: Omit<Track, 'decoder'>): TrackDecoder {
    return new TrackDecoder(this.#platform.makeDecoder, {
      frame: (frame) => this.#decoded(handle, frame),
      keyNeeded: () => {
        const known = this.#tracks.get(handle);
        if (known) this.#askKey(handle, known);
      },
      state: (state) => {
        track.state = state;
        for (const sink of track.sinks.keys()) sink.state(state);
      },
    });
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation;
    const current = () => this.#running && generation === this.#generation;
    try {
      const connection = await this.#platform.open({
        message: (data) => current() && this.#received(data),
        closed: () => {
          if (!current()) return;
          this.#connection = null;
          this.#onConnected(false);
          this.#retry();
        },
      });
      if (!current()) return connection.close();
      this.#connection = connection;
      this.#tries = 0;
      this.#onConnected(true);
      for (const [handle, track] of this.#tracks) {
        track.askedAt = -Infinity;
        track.decoder.restart();
        this.#tellDrawn(handle, track);
        this.#askKey(handle, track);
      }
    } catch {
      // The backend says in its own words what is wrong with it; here the only remedy is to try again.
      if (current()) this.#retry();
    }
  }

  #retry(): void {
    const wait = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** this.#tries) * (0.5 + this.#platform.random() / 2);
    this.#tries += 1;
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  #received(data: ArrayBuffer): void {
    const packet = parsePacket(data);
    if (packet) this.#tracks.get(packet.handle)?.decoder.push(packet);
  }

  #askKey(handle: number, track: Track): void {
    const now = this.#platform.now();
    if (!this.#connection || !track.decoder.needsKey || now - track.askedAt < KEY_INTERVAL) return;
    track.askedAt = now;
    this.#connection.send({ type: 'key-frame', handle });
  }

  #decoded(handle: number, frame: VideoFrame): void {
    const track = this.#tracks.get(handle);
    if (!track) return frame.close();
    track.next?.close();
    track.next = frame;
    this.#frameRequest ??= this.#platform.requestFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frameRequest = null;
    for (const track of this.#tracks.values()) {
      const frame = track.next;
      track.next = null;
      if (!frame) continue;
      try {
        for (const sink of track.sinks.keys()) sink.draw(frame);
      } finally {
        frame.close();
      }
    }
  }

  #reset(track: Track): void {
    clearTimeout(track.settling);
    track.next?.close();
    track.next = null;
    track.decoder.close();
  }
}

function fresh(decoder: (track: Omit<Track, 'decoder'>) => TrackDecoder): Track {
  const track: Omit<Track, 'decoder'> = {
    sinks: new Map(),
    state: { state: 'waiting' },
    next: null,
    askedAt: -Infinity,
    drawn: null,
    settling: undefined,
  };
  return Object.assign(track, { decoder: decoder(track) });
}

function pixels(length: number): number {
  return Math.min(limits.maxRenderedPixels, Math.max(0, Math.round(length)));
}

/** A feed on this browser's own parts, for the life of the page. */
export function browserFeed(open: FeedPlatform['open'], onConnected: (connected: boolean) => void): MediaFeed {
  const platform: FeedPlatform = {
    open,
    makeDecoder: typeof VideoDecoder === 'undefined' ? null : (init) => new VideoDecoder(init),
    requestFrame: (callback) => requestAnimationFrame(callback),
    cancelFrame: (id) => cancelAnimationFrame(id),
    now: () => performance.now(),
    random: Math.random,
  };
  const feed = new MediaFeed(platform, onConnected);
  const look = () => feed.setVisible(document.visibilityState === 'visible');
  document.addEventListener('visibilitychange', look);
  look();
  return feed;
}
