import { BroadcastChannel } from "/page/channel.js";
import { Mesh } from "/page/mesh.js";
import { SharedStream } from "/page/stream.js";

/**
 * The page's peer under the names of rtc.io 1.5, so that what is written for it here runs with the stock library, too:
 * the driver serves another file in place of this one when `CONFAB_RTCIO_JS` names it.
 */
export class RTCIOStream extends SharedStream {
  #options;

  constructor(media, options = {}) {
    super(media);
    this.#options = options;
  }

  get id() {
    return this.uuid;
  }

  get mediaStream() {
    return this.media;
  }

  get encoding() {
    return this.#options.videoEncoding;
  }

  get codecs() {
    return this.#options.codecPreferences;
  }

  addTrack(track) {
    this.add(track);
    return this;
  }

  removeTrack(track) {
    this.remove(track);
    return this;
  }

  /** Puts `track` in the place of the one of its kind, which it returns. */
  replaceTrack(track) {
    const old = this.media.getTracks().find((known) => known.kind === track.kind) ?? null;
    if (old) this.replaceOne(old, track);
    else this.add(track);
    return old;
  }

  /** Takes the tracks of `media` in place of its own; those of one kind are swapped. */
  replace(media) {
    const rest = media.getTracks();
    for (const old of this.media.getTracks()) {
      const index = rest.findIndex((track) => track.kind === old.kind);
      if (index < 0) this.remove(old);
      else this.replaceOne(old, ...rest.splice(index, 1));
    }
    for (const track of rest) this.add(track);
  }

  replaceOne(old, next) {
    super.replace(old, next);
  }

  async setEncoding(change) {
    this.#options = { ...this.#options, videoEncoding: { ...this.#options.videoEncoding, ...change } };
    this.fire("encoding");
  }

  toJSON() {
    return `[RTCIOStream] ${this.uuid}`;
  }
}

export class Socket {
  #mesh;
  #peerListeners = new Map();
  #channels = new Map();
  #debug;

  constructor(url, { iceServers = [], iceTransportPolicy, debug = false, watchdog = {}, ...options } = {}) {
    this.#debug = debug;
    const mesh = new Mesh(url, options);
    this.#mesh = mesh;
    mesh.Stream = RTCIOStream;
    mesh.iceServers = iceServers;
    mesh.iceTransportPolicy = iceTransportPolicy;
    // A stock peer knows no other end than that of the connection.
    mesh.endsWithCtrl = false;
    const { timeout, hintTimeout, hintTTL } = watchdog;
    for (const [key, value] of Object.entries({ timeout, hintTimeout, hintTtl: hintTTL })) {
      if (Number.isFinite(value) && value >= 0) mesh.watchdog[key] = value;
    }
    let connected = false;
    mesh.socket.on("connect", () => {
      mesh.id = mesh.socket.id;
      if (connected) mesh.nudge();
      connected = true;
    });
    for (const event of ["peer-connect", "peer-disconnect"]) {
      mesh.on(event, (data) => {
        this.#log(event, data.id);
        this.#fire(event, [data]);
      });
    }
    for (const event of ["track-added", "track-removed"]) {
      mesh.on(event, ({ peerId, stream, track }) => this.#fire(event, [{ peerId, stream: stream.media, track }]));
    }
    mesh.on("stream", (id, event, args) => this.#fire(event, args));
    mesh.on("message", (id, event, args) => {
      this.#fire(event, args);
      this.#call(event, this.#peerListeners.get(id)?.get(event) ?? [], args);
    });
    mesh.on("new-peer", (peer) => {
      for (const channel of this.#channels.values()) {
        try {
          channel.addPeer(peer.id, peer.channel(channel.name, channel.options));
        } catch (error) {
          console.error("a channel cannot be opened", error);
        }
      }
    });
    mesh.on("gone-peer", ({ id }) => {
      for (const channel of this.#channels.values()) channel.removePeer(id);
      this.#peerListeners.delete(id);
    });
    mesh.on("peer-state", (id, state) => this.#log(`state ${state}`, id));
    mesh.on("error", (text) => console.error(text));
  }

  get id() {
    return this.#mesh.socket.id;
  }

  get connected() {
    return this.#mesh.socket.connected;
  }

  get io() {
    return this.#mesh.socket.io;
  }

  connect() {
    this.#mesh.socket.connect();
    return this;
  }

  /** Leaves the server; peers stay. */
  disconnect() {
    this.#mesh.socket.disconnect();
    return this;
  }

  emit(event, ...args) {
    if (event.startsWith("#rtcio:")) this.#mesh.socket.emit(event, ...args);
    else this.#mesh.emit(event, ...args);
    return this;
  }

  on(event, listener) {
    this.#mesh.socket.on(event, listener);
    return this;
  }

  once(event, listener) {
    this.#mesh.socket.once(event, listener);
    return this;
  }

  off(event, listener) {
    this.#mesh.socket.off(event, listener);
    return this;
  }

  get server() {
    const { socket } = this.#mesh;
    return {
      emit: (event, ...args) => socket.emit(event, ...args),
      on: (event, listener) => socket.on(event, listener),
      off: (event, listener) => socket.off(event, listener),
    };
  }

  peer(id) {
    const listeners = (event) => this.#peerListeners.get(id)?.get(event) ?? [];
    const set = (event, list) => {
      if (!this.#peerListeners.has(id)) this.#peerListeners.set(id, new Map());
      this.#peerListeners.get(id).set(event, list);
    };
    return {
      emit: (event, ...args) => this.#mesh.emitTo(id, event, ...args),
      on: (event, listener) => set(event, [...listeners(event), listener]),
      off: (event, listener) => set(event, listeners(event).filter((known) => known !== listener)),
      createChannel: (name, options) => this.#mesh.peer(id).channel(name, options),
    };
  }

  createChannel(name, options) {
    if (!this.#channels.has(name)) this.#channels.set(name, new BroadcastChannel(name, options));
    const channel = this.#channels.get(name);
    for (const peer of this.#mesh.peers()) channel.addPeer(peer.id, peer.channel(name, channel.options));
    return channel;
  }

  untrackStream(stream) {
    this.#mesh.untrack(stream);
    return this;
  }

  getPeer(id) {
    const peer = this.#mesh.peer(id);
    return peer && { connection: peer.pc, ctrl: peer.ctrl, socketId: peer.id, polite: peer.polite };
  }

  /** Numbers of the connection to a peer by their type; null if there is none. */
  async getStats(id) {
    const peer = this.#mesh.peer(id);
    if (!peer) return null;
    const reports = [...(await peer.pc.getStats()).values()];
    return Map.groupBy(reports.map((report) => ({ report, description: report.type })), ({ description }) => description);
  }

  #log(what, id) {
    if (this.#debug) console.debug(`[rtc-io][${this.id?.slice(-6) ?? "------"}] ${what}`, id);
  }

  #fire(event, args) {
    this.#call(event, this.#mesh.socket.listeners(event), args);
  }

  #call(event, listeners, args) {
    for (const listener of [...listeners]) {
      try {
        listener.apply(this, args);
      } catch (error) {
        console.error(`a listener of ${event} failed`, error);
      }
    }
  }
}

export default (url, options) => new Socket(url, options);
