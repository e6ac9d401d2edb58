import type { Pictures, PictureSurface, Placement, SurfaceEvents } from '../pictures';
import { browserFeed, type Attachment, type FeedPlatform, type FrameSink, type MediaFeed } from './feed';

/** Pictures that WebCodecs decodes, each drawn on a canvas. */
export class CanvasPictures implements Pictures {
  readonly #feed: MediaFeed;

  constructor(open: FeedPlatform['open'], onConnected: (connected: boolean) => void) {
    this.#feed = browserFeed(open, onConnected);
  }

  start(): void {
    this.#feed.start();
  }

  stop(): void {
    this.#feed.stop();
  }

  show(track: number, host: HTMLElement, events: SurfaceEvents): PictureSurface {
    return new CanvasSurface(this.#feed, track, host, events);
  }
}

/** A canvas that is drawn at the picture's own size; CSS scales it. */
class CanvasSurface implements PictureSurface, FrameSink {
  readonly #canvas = document.createElement('canvas');
  readonly #context = this.#canvas.getContext('2d', { alpha: false });
  readonly #events: SurfaceEvents;
  readonly #attachment: Attachment;

  constructor(feed: MediaFeed, track: number, host: HTMLElement, events: SurfaceEvents) {
    this.#events = events;
    Object.assign(this.#canvas, { width: 1, height: 1, ariaHidden: 'true' });
    // Before the first picture it would be black.
    Object.assign(this.#canvas.style, { display: 'block', inlineSize: '100%', blockSize: '100%', visibility: 'hidden' });
    host.append(this.#canvas);
    this.#attachment = feed.attach(track, this);
  }

  place({ width, height, whole, mirrored }: Placement): void {
    Object.assign(this.#canvas.style, { objectFit: whole ? 'contain' : 'cover', transform: mirrored ? 'scaleX(-1)' : '' });
    this.#attachment.drawn(width, height);
  }

  close(): void {
    this.#attachment.detach();
    this.#canvas.remove();
  }

  state(state: Parameters<SurfaceEvents['state']>[0]): void {
    this.#events.state(state);
  }

  draw(frame: VideoFrame): void {
    const { displayWidth: width, displayHeight: height } = frame;
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      Object.assign(this.#canvas, { width, height });
      this.#events.resized(width, height);
    }
    this.#context?.drawImage(frame, 0, 0, width, height);
    this.#canvas.style.visibility = '';
    this.#events.frame();
  }
}
