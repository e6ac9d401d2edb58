// Generated from crates/ipc by `make types`. Do not edit.

export const limits = {
  /** Longest display name, in characters. */
  nameChars: 64,
  /** Longest chat message, in characters. */
  chatChars: 4000,
  /** Chat messages kept; the oldest go first. */
  chatHistory: 500,
  /** Most pixels of one received picture. */
  picturePixels: 16777216,
  /** Greatest volume of a participant, in percent. */
  maxVolume: 400,
  /** Volume of a participant whom nobody made louder or quieter, in percent. */
  fullVolume: 100,
  /** Version of the media socket's frame header. */
  frameVersion: 1,
  /** Length of that header, in bytes. */
  frameHeaderBytes: 16,
  /** Greatest width or height that a `rendered-size` request can say, in pixels. */
  maxRenderedPixels: 65535,
  /** Handle of the own preview on the media socket. */
  selfTrack: 0,
} as const;
