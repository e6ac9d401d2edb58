import { Emitter } from "./emitter.js";

const PLACEHOLDER = "[RTCIOStream] ";

/** A MediaStream under an id of its own, which travels in place of the stream in event arguments (protocol section 4). */
export class SharedStream extends Emitter {
  /** Upper bound of what each video track of it is sent with, in bit/s. */
  maxBitrate;

  /** Its identity: the owner's, once that is known. */
  uuid = crypto.randomUUID();

  constructor(media = new MediaStream()) {
    super();
    this.media = media;
  }

  add(track) {
    this.media.addTrack(track);
    this.fire("add", track);
  }

  remove(track) {
    this.media.removeTrack(track);
    this.fire("remove", track);
  }

  /** Puts `next` in the place of `track`. Peers notice nothing but the picture. */
  replace(track, next) {
    this.media.removeTrack(track);
    this.media.addTrack(next);
    this.fire("replace", track, next);
  }
}

/** Codec preferences that leave of video these MIME types, in this order. */
export function onlyVideo(types) {
  return (codecs, kind) =>
    kind === "video" ? types.flatMap((type) => codecs.filter(({ mimeType }) => mimeType === type)) : codecs;
}

/** Copies `value`, with `change(part)` in place of each part for which it is not undefined. */
function map(value, change) {
  const changed = change(value);
  if (changed !== undefined) return changed;
  if (Array.isArray(value)) return value.map((part) => map(part, change));
  if (value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, map(part, change)]));
}

/** The first stream anywhere in `value`. */
export function findStream(value) {
  let found;
  map(value, (part) => {
    if (part instanceof SharedStream) {
      found ??= part;
      return null;
    }
    return undefined;
  });
  return found;
}

/** `args` as they travel: strings in place of streams. */
export function toWire(args) {
  return map(args, (part) => (part instanceof SharedStream ? PLACEHOLDER + part.uuid : undefined));
}

/** `args` as they came, with `resolve(uuid)` in place of the strings. */
export function fromWire(args, resolve) {
  return map(args, (part) =>
    typeof part === "string" && part.startsWith(PLACEHOLDER) ? resolve(part.slice(PLACEHOLDER.length)) : undefined,
  );
}
