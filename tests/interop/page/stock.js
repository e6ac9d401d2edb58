/**
 * A stock PeerJS client for tests: `stock` of the window. Import it where it is needed; the client itself is npm's.
 *
 * What happens is kept in `log`, a list of `{ what, … }`; values are told as `shown` shows them.
 */
import { AudioMeter, VideoMeter, patternTrack, toneTrack } from "./media.js";

await new Promise((resolve, reject) => {
  const script = document.createElement("script");
  Object.assign(script, { src: "/peerjs.js", onload: resolve, onerror: reject });
  document.head.append(script);
});
const { Peer } = window.peerjs;
const { MsgPack } = await import("/peerjs.msgpack.mjs");

/** FNV-1a of bytes: what is too long to be told. */
function hash(bytes) {
  let value = 0x811c9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/** A value as JSON that tells bytes from others. */
function shown(value) {
  if (value instanceof ArrayBuffer) value = new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return bytes.length > 64 ? { length: bytes.length, hash: hash(bytes) } : { bytes: [...bytes] };
  }
  if (typeof value === "string" && value.length > 1000) {
    return { length: value.length, hash: hash(new TextEncoder().encode(value)) };
  }
  if (Array.isArray(value)) return value.map(shown);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]));
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { number: String(value) };
  return value === undefined ? { undefined: true } : value;
}

/** Bytes that follow a rule which Rust knows, too. */
function pattern(length) {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 7 + (index >> 8)) & 0xff;
  return bytes;
}

class Stock {
  log = [];
  connections = [];
  calls = [];
  meters = [];

  /** Begins as `new Peer(id, options)`. */
  start(id, options) {
    this.peer = new Peer(id ?? undefined, {
      config: { iceServers: [] },
      serializers: { MsgPack },
      ...options,
    });
    for (const event of ["open", "disconnected", "close"]) {
      this.peer.on(event, (value) => this.note(event, { value: value ?? null }));
    }
    this.peer.on("error", (error) => this.note("error", { type: error.type }));
    this.peer.on("connection", (connection) => this.take(connection, "connection"));
    this.peer.on("call", (call) => {
      this.takeCall(call);
      this.note("call", { metadata: call.metadata ?? null, peer: call.peer });
    });
  }

  note(what, more = {}) {
    this.log.push({ what, ...more });
  }

  /** True once something of this kind, with these properties, was noted; its index otherwise starts at `from`. */
  noted(what, more = {}) {
    const wanted = Object.entries(more).map(([key, value]) => [key, JSON.stringify(value)]);
    return this.log.find((one) => one.what === what && wanted.every(([key, value]) => JSON.stringify(one[key]) === value));
  }

  get data() {
    return this.log.filter((one) => one.what === "data").map((one) => one.value);
  }

  connect(id, options) {
    const connection = this.peer.connect(id, options);
    if (connection) this.take(connection);
    return Boolean(connection);
  }

  take(connection, what) {
    this.connections.push(connection);
    const { label, metadata, reliable, serialization, peer } = connection;
    if (what) this.note(what, { label, metadata: metadata ?? null, reliable, serialization, peer });
    connection.on("open", () => this.note("connection-open"));
    connection.on("data", (value) => this.note("data", { value: shown(value) }));
    connection.on("close", () => this.note("connection-close"));
    connection.on("error", (error) => this.note("connection-error", { type: error.type }));
  }

  get last() {
    return this.connections.at(-1);
  }

  /** A stream with a tone and the test picture. */
  async stream(hz) {
    return new MediaStream([await toneTrack(hz), patternTrack({ width: 320, height: 180, fps: 15 })]);
  }

  async call(id, hz, metadata) {
    this.takeCall(this.peer.call(id, await this.stream(hz), { metadata }));
  }

  async answer(hz) {
    this.calls.at(-1).answer(hz ? await this.stream(hz) : undefined);
  }

  takeCall(call) {
    this.calls.push(call);
    call.on("stream", (stream) => {
      this.note("stream");
      if (this.metered === stream.id) return;
      this.metered = stream.id;
      this.video = stream.getVideoTracks().map((track) => new VideoMeter(track))[0];
      this.audio = stream.getAudioTracks().map((track) => new AudioMeter(track))[0];
    });
    call.on("close", () => this.note("call-close"));
    call.on("willCloseOnRemote", () => this.note("will-close"));
  }

  pattern = pattern;
}

window.stock = new Stock();
