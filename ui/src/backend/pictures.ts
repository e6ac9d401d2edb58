/** Why a track shows nothing; each has a sentence on the tile. */
export type PictureError = 'no-decoder' | 'no-codec' | 'broken';

/** How the picture of a track stands; `codec` is the one in which it comes. */
export type PictureState =
  | { state: 'waiting' }
  | { state: 'playing' }
  | { state: 'failed'; error: PictureError; codec: string };

/** What a surface reports. */
export interface SurfaceEvents {
  state(state: PictureState): void;
  /** The picture has this size in pixels from now on. */
  resized(width: number, height: number): void;
  /** Another picture is shown. */
  frame(): void;
}

/** How a picture lies in its place. */
export interface Placement {
  /** Pixels of the display that the whole picture covers, also where it is cropped: no more need to be sent. */
  width: number;
  height: number;
  /** Shown whole rather than cropped to fill its place. */
  whole: boolean;
  /** Shown as in a mirror. */
  mirrored: boolean;
}

/** The picture of one track in one place of the page. */
export interface PictureSurface {
  place(placement: Placement): void;
  /** Shows nothing there any more. */
  close(): void;
}

/**
 * Where pictures come from, and how they get onto the display: decoded onto a canvas, in a `<video>`, or drawn by the
 * backend under a transparent window.
 */
export interface Pictures {
  /** Receives pictures from now on: a call or a rehearsal begins. */
  start(): void;
  stop(): void;
  /** Shows `track` in `host`, which it fills. The same track may be shown in several places. */
  show(track: number, host: HTMLElement, events: SurfaceEvents): PictureSurface;
}
