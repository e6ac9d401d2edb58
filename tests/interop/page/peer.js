import { AudioMeter, patternTrack, toneTrack, VideoMeter } from "./media.js";
import { onlyVideo } from "./stream.js";
// The page's own peer, or the stock library: whatever the driver serves under that name.
import io, { RTCIOStream } from "/rtcio.js";

const LIFECYCLE = ["peer-connect", "peer-disconnect", "track-added", "track-removed", "connect", "disconnect", "connect_error"];

/** One peer with the verbs of the conformance suite. What happens to it is written into a log that the suite reads. */
class Peer {
  #log = [];
  #wake = () => {};
  #listeners = new Map();
  #channels = new Map();
  #streams = new Map();
  #received = new Map();
  #meters = new Map();
  #negotiations = new Map();
  #frames = [];

  start(server, options) {
    this.socket = io(server, options);
    for (const event of LIFECYCLE) this.on(event, event);
    this.socket.on("peer-connect", ({ id }) => {
      const { connection } = this.socket.getPeer(id);
      this.#negotiations.set(id, 0);
      this.#ctrl(id).addEventListener("message", ({ data }) => this.#frames.push(data));
      connection.addEventListener("signalingstatechange", () => {
        if (connection.signalingState === "stable") this.#negotiations.set(id, this.#negotiations.get(id) + 1);
      });
    });
  }

  /** Log entries from the one with number `index` on; waits for one, `timeout` ms at most. */
  async after(index, timeout) {
    if (this.#log.length <= index) {
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, timeout);
      });
    }
    return this.#log.slice(index);
  }

  get id() {
    return this.socket.id;
  }

  connected() {
    return this.socket.connected;
  }

  connect() {
    this.socket.connect();
  }

  disconnect() {
    this.socket.disconnect();
  }

  /** Cuts the connection to the server under socket.io, which then makes a new one. */
  cut() {
    this.socket.io.engine.close();
  }

  emit(event, args) {
    this.socket.emit(event, ...this.#revive(args));
  }

  emitTo(id, event, args) {
    this.socket.peer(id).emit(event, ...this.#revive(args));
  }

  /** Sends `frame` as it is over ctrl, below the library. */
  raw(id, frame) {
    this.#ctrl(id).send(frame.bytes ? new Uint8Array(frame.bytes) : frame.text);
  }

  /** Every frame that came over ctrl of anybody, below the library. */
  frames() {
    return this.#frames;
  }

  /** Listens under `tag`; with `peer` to that peer only. */
  on(tag, event, { once = false, peer } = {}) {
    const listener = (...args) => {
      for (const arg of args) this.#collect(arg, event);
      this.#note({ tag, event, args });
    };
    const from = peer ? this.socket.peer(peer) : this.socket;
    this.#listeners.set(tag, [from, event, listener]);
    if (once) from.once(event, listener);
    else from.on(event, listener);
  }

  off(tag) {
    const [from, event, listener] = this.#listeners.get(tag);
    from.off(event, listener);
  }

  serverEmit(event, args) {
    this.socket.server.emit(event, ...args);
  }

  serverAsk(event, args) {
    return new Promise((resolve) => this.socket.server.emit(event, ...args, (...answer) => resolve(answer)));
  }

  serverOn(tag, event) {
    this.socket.server.on(event, (...args) => this.#note({ tag, event, args }));
  }

  /** Opens the channel `name` under `tag`; with `peer` to that peer only. */
  channel(tag, name, options, peer) {
    const channel = peer ? this.socket.peer(peer).createChannel(name, options) : this.socket.createChannel(name, options);
    const same = [...this.#channels.values()].includes(channel);
    this.#channels.set(tag, channel);
    if (same) return;
    for (const event of ["open", "close", "error", "drain", "data", "peer-left"]) {
      channel.on(event, (...args) => this.#note({ channel: tag, event, args: event === "error" ? [String(args[0]?.message)] : args }));
    }
  }

  sameChannel(one, other) {
    return this.#channels.get(one) === this.#channels.get(other);
  }

  channelOn(tag, event, { once = false } = {}) {
    const listener = (...args) => this.#note({ channel: tag, event, args });
    if (once) this.#channels.get(tag).once(event, listener);
    else this.#channels.get(tag).on(event, listener);
  }

  channelEmit(tag, event, args) {
    this.#channels.get(tag).emit(event, ...args);
  }

  /** Sends `count` times `size` bytes that begin with their number; or the text. Answers with what each send returned. */
  channelSend(tag, { text, size, count = 1 }) {
    return Array.from({ length: count }, (_, number) => {
      if (text !== undefined) return this.#channels.get(tag).send(text);
      const bytes = new Uint8Array(size);
      new DataView(bytes.buffer).setUint32(0, number);
      return this.#channels.get(tag).send(bytes.buffer);
    });
  }

  channelState(tag) {
    const { readyState, bufferedAmount, peerCount, closed } = this.#channels.get(tag);
    return { readyState, bufferedAmount, peerCount, closed };
  }

  channelClose(tag) {
    this.#channels.get(tag).close();
  }

  async stream(name, tracks, options = {}) {
    const { codecs, ...rest } = options;
    if (codecs) rest.codecPreferences = onlyVideo(codecs);
    const made = await Promise.all(tracks.map(track));
    const stream = new RTCIOStream(new MediaStream(made), rest);
    this.#streams.set(name, stream);
    return { id: stream.id, msid: stream.mediaStream.id };
  }

  async addTrack(name, wish) {
    this.#streams.get(name).addTrack(await track(wish));
  }

  removeTrack(name, kind) {
    const stream = this.#streams.get(name);
    for (const one of stream.mediaStream.getTracks().filter((one) => one.kind === kind)) {
      stream.removeTrack(one);
      one.stop();
    }
  }

  async replaceTrack(name, wish) {
    this.#streams.get(name).replaceTrack(await track(wish))?.stop();
  }

  async replace(name, tracks) {
    this.#streams.get(name).replace(new MediaStream(await Promise.all(tracks.map(track))));
  }

  async setEncoding(name, change) {
    await this.#streams.get(name).setEncoding(change);
  }

  untrack(name) {
    this.socket.untrackStream(this.#streams.get(name));
  }

  /** Tracks that come in now, of all streams that an event has told of. */
  tracks() {
    return [...this.#received].flatMap(([stream, event]) =>
      stream.mediaStream.getTracks().map((track) => {
        if (!this.#meters.has(track)) this.#meters.set(track, track.kind === "video" ? new VideoMeter(track) : new AudioMeter(track));
        const { width, height, number, patterns, level, hz } = this.#meters.get(track).state;
        const moving = track.kind === "video" ? patterns : level > 0.05 ? 1_000 : 0;
        return { event, kind: track.kind, stream: stream.id, msid: stream.mediaStream.id, muted: track.muted, width, height, number, hz, moving };
      }),
    );
  }

  /** Decodes frames of `codec` (lists of bytes), the first of which is a key frame; what their pictures show. */
  async decode(codec, frames) {
    const generator = new MediaStreamTrackGenerator({ kind: "video" });
    const writer = generator.writable.getWriter();
    const meter = new VideoMeter(generator);
    const written = [];
    let failed;
    const decoder = new VideoDecoder({
      output: (frame) => written.push(writer.write(frame)),
      error: (error) => (failed = error),
    });
    decoder.configure({ codec, optimizeForLatency: true });
    for (const [index, frame] of frames.entries()) {
      const data = Uint8Array.from(frame);
      decoder.decode(new EncodedVideoChunk({ type: index ? "delta" : "key", timestamp: index * 33_000, data }));
    }
    await decoder.flush().catch(() => {});
    if (failed) throw failed;
    await Promise.all(written);
    generator.stop();
    return { decoded: written.length, ...meter.state };
  }

  /** Transceivers, negotiations since `ctrl` opened, and states of the connection to `id`. */
  connection(id) {
    const connection = this.socket.getPeer(id)?.connection;
    if (!connection) return null;
    return {
      state: connection.connectionState,
      signaling: connection.signalingState,
      transceivers: connection.getTransceivers().length,
      sending: connection.getTransceivers().filter(({ currentDirection }) => currentDirection === "sendonly").length,
      negotiations: this.#negotiations.get(id) ?? 0,
    };
  }

  /** What comes in from `id`: `inbound-rtp` reports of W3C webrtc-stats, with the codec's MIME type. */
  async inbound(id) {
    const reports = await this.socket.getPeer(id).connection.getStats();
    const streams = [...reports.values()].filter(({ type }) => type === "inbound-rtp");
    return streams.map((report) => ({ ...report, codec: reports.get(report.codecId)?.mimeType }));
  }

  /** What the headers of the sound that comes in from `id` say of its level: RMS, 0 to 1. */
  levels(id) {
    const sources = this.socket.getPeer(id).connection.getReceivers().flatMap((one) => one.getSynchronizationSources());
    return sources.map(({ audioLevel }) => audioLevel).filter((level) => level !== undefined);
  }

  /** The `transport` report of the connection to `id`. */
  async transport(id) {
    const reports = await this.socket.getPeer(id).connection.getStats();
    return [...reports.values()].find(({ type }) => type === "transport");
  }

  /** Types of the candidates on the way to `id`: of this side, and of the other. */
  async path(id) {
    const reports = await this.socket.getPeer(id).connection.getStats();
    const { selectedCandidatePairId } = [...reports.values()].find(({ type }) => type === "transport");
    const pair = reports.get(selectedCandidatePairId);
    return [pair?.localCandidateId, pair?.remoteCandidateId].map((end) => reports.get(end)?.candidateType ?? null);
  }

  restartIce(id) {
    this.socket.getPeer(id).connection.restartIce();
  }

  get state() {
    return { id: this.socket?.id, log: this.#log };
  }

  #ctrl(id) {
    const peer = this.socket.getPeer(id);
    return peer.ctrlDc ?? peer.ctrl;
  }

  #note(entry) {
    this.#log.push({ ...entry, args: plain(entry.args) });
    this.#wake();
  }

  #collect(value, event) {
    if (value instanceof RTCIOStream) this.#received.set(value, event);
    else if (value && typeof value === "object" && !(value instanceof MediaStream)) {
      for (const part of Object.values(value)) this.#collect(part, event);
    }
  }

  #revive(value) {
    if (Array.isArray(value)) return value.map((part) => this.#revive(part));
    if (!value || typeof value !== "object") return value;
    if (value.$stream) return this.#streams.get(value.$stream);
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, this.#revive(part)]));
  }
}

/** A track of ours: `{ tone: hz }` or `{ width, height, fps }`. */
function track(wish) {
  return wish.tone ? toneTrack(wish.tone) : patternTrack(wish);
}

/** What can be written as JSON of `value`; streams and bytes by their marks. */
function plain(value) {
  if (value instanceof RTCIOStream) return { $stream: value.id, msid: value.mediaStream.id };
  if (value instanceof MediaStream) return { msid: value.id };
  if (value instanceof MediaStreamTrack) return { kind: value.kind };
  if (value instanceof Error) return { message: value.message };
  if (value instanceof ArrayBuffer) {
    return { $bytes: value.byteLength, number: value.byteLength < 4 ? null : new DataView(value).getUint32(0) };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  }
  return value;
}

window.peer = new Peer();
