import type { MediaConnection, MediaHandlers } from '../door';
import { TrackDecoder, type MakeDecoder, type Picture } from './decoder';
import { parsePacket } from './packet';

/** Where one track is shown. */
export interface Sink {
  /** Draws a picture; it is closed afterwards. */
  draw(frame: VideoFrame): void;
  picture(picture: Picture): void;
}

/** What the feed stands on; tests put their own in. */
export interface FeedWorld {
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
/** Greatest size that is told, in pixels. */
const LARGEST = 65_535;
/** First and longest wait before a new connection, in milliseconds; each try doubles it. */
const RETRY_FIRST = 200;
const RETRY_MOST = 5_000;

interface Track {
  decoder: TrackDecoder;
  sink: Sink;
  /** The newest picture that is not drawn yet. */
  next: VideoFrame | null;
  askedAt: number;
  /** Pixels of the display that the picture covers, once known. */
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
  readonly #world: FeedWorld;
  readonly #tracks = new Map<number, Track>();
  readonly #onConnected: (connected: boolean) => void;
  #connection: MediaConnection | null = null;
  #running = false;
  #visible = true;
  #generation = 0;
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frameRequest: number | null = null;

  constructor(world: FeedWorld, onConnected: (connected: boolean) => void = () => {}) {
    this.#world = world;
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
    if (this.#frameRequest !== null) this.#world.cancelFrame(this.#frameRequest);
    this.#frameRequest = null;
    for (const track of this.#tracks.values()) this.#reset(track);
  }

  /** Shows track `handle` in `sink` until the returned function is called. A track has one sink, the latest. */
  attach(handle: number, sink: Sink): () => void {
    const previous = this.#tracks.get(handle);
    if (previous) this.#reset(previous);
    const track: Track = { ...fresh(sink), decoder: this.#decoder(handle, sink) };
    this.#tracks.set(handle, track);
    this.#askKey(handle, track);
    return () => {
      if (this.#tracks.get(handle) !== track) return;
      this.#reset(track);
      this.#tracks.delete(handle);
      this.#tellSize(handle, HIDDEN);
    };
  }

  /**
   * Says how many pixels of the display the picture of `handle` covers, so that no more are sent. The first size is told
   * at once, later ones when they have settled.
   */
  drawn(handle: number, width: number, height: number): void {
    const track = this.#tracks.get(handle);
    if (!track) return;
    const size = { width: pixels(width), height: pixels(height) };
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
    this.#connection?.send({ type: 'drawn', handle, ...size });
  }

  #decoder(handle: number, sink: Sink): TrackDecoder {
    return new TrackDecoder(this.#world.makeDecoder, {
      frame: (frame) => this.#decoded(handle, frame),
      keyNeeded: () => {
        const track = this.#tracks.get(handle);
        if (track) this.#askKey(handle, track);
      },
      picture: (picture) => sink.picture(picture),
    });
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation;
    const current = () => this.#running && generation === this.#generation;
    try {
      const connection = await this.#world.open({
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
    const wait = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** this.#tries) * (0.5 + this.#world.random() / 2);
    this.#tries += 1;
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  #received(data: ArrayBuffer): void {
    const packet = parsePacket(data);
    if (packet) this.#tracks.get(packet.handle)?.decoder.push(packet);
  }

  #askKey(handle: number, track: Track): void {
    const now = this.#world.now();
    if (!this.#connection || !track.decoder.needsKey || now - track.askedAt < KEY_INTERVAL) return;
    track.askedAt = now;
    this.#connection.send({ type: 'key-frame', handle });
  }

  #decoded(handle: number, frame: VideoFrame): void {
    const track = this.#tracks.get(handle);
    if (!track) return frame.close();
    track.next?.close();
    track.next = frame;
    this.#frameRequest ??= this.#world.requestFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frameRequest = null;
    for (const track of this.#tracks.values()) {
      const frame = track.next;
      track.next = null;
      if (!frame) continue;
      try {
        track.sink.draw(frame);
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

function fresh(sink: Sink): Omit<Track, 'decoder'> {
  return { sink, next: null, askedAt: -Infinity, drawn: null, settling: undefined };
}

function pixels(length: number): number {
  return Math.min(LARGEST, Math.max(0, Math.round(length)));
}

/** A feed on this browser's own parts, for the life of the page. */
export function browserFeed(open: FeedWorld['open'], onConnected: (connected: boolean) => void): MediaFeed {
  const world: FeedWorld = {
    open,
    makeDecoder: typeof VideoDecoder === 'undefined' ? null : (init) => new VideoDecoder(init),
    requestFrame: (callback) => requestAnimationFrame(callback),
    cancelFrame: (id) => cancelAnimationFrame(id),
    now: () => performance.now(),
    random: Math.random,
  };
  const feed = new MediaFeed(world, onConnected);
  const look = () => feed.setVisible(document.visibilityState === 'visible');
  document.addEventListener('visibilitychange', look);
  look();
  return feed;
}
