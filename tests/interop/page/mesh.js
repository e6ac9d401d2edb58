import { io } from "/socket.io.js";
import { Emitter } from "./emitter.js";
import { Remote } from "./remote.js";
import { findStream } from "./stream.js";

/**
 * An rtc.io peer: signaling, and a connection to everybody else in the room.
 *
 * Events: `joined(welcome)`, `server(event, data)`, `peer-connect({id})`, `peer-disconnect({id})`,
 * `peer-state(id, state)`, `message(id, event, args)` from ctrl, `stream(id, event, args, stream)`,
 * `track({peerId, stream, track})` for each remote track, `track-added` for the later ones of a stream,
 * `track-removed`, `answered(id)` when an offer of ours has its answer, `error(text)`.
 */
export class Mesh extends Emitter {
  watchdog = { timeout: 12_000, hintTimeout: 2_500, hintTtl: 30_000 };
  iceServers = [];

  #socket;
  #peers = new Map();
  /** Replay registry: stream → event name → arguments of the emit that carried it. */
  #shared = new Map();

  constructor(server) {
    super();
    this.#socket = io(server);
    this.#socket.on("#rtcio:init-offer", ({ source }) => this.#connect(source));
    this.#socket.on("#rtcio:message", ({ source, data }) => this.#receive(source, data));
    this.#socket.on("#rtcio:peer-left", ({ id }) => this.#peers.get(id)?.hintGone());
    this.#socket.onAny((event, data) => event.startsWith("#rtcio:") || this.fire("server", event, data));
    this.#socket.on("disconnect", (reason) => this.fire("server", "(disconnect)", reason));
  }

  /** Joins, and joins again as the same member whenever the connection to the server is new. */
  join(roomId, name) {
    let welcome;
    const join = () => {
      const connected = [...this.#peers.values()].filter((peer) => peer.connected).map((peer) => peer.id);
      this.#socket.emit("join-room", { roomId, name, resume: welcome?.resume, connected }, (reply) => {
        if (reply.error) return this.fire("error", reply.error.message);
        welcome = reply;
        this.id = reply.id;
        this.iceServers = reply.iceServers;
        for (const peer of this.#peers.values()) peer.nudge();
        this.fire("joined", reply);
      });
    };
    this.#socket.on("connect", join);
    if (this.#socket.connected) join();
  }

  /** To every peer: arguments that hold a stream share it, others travel over ctrl. */
  emit(event, ...args) {
    const stream = findStream(args);
    if (!stream) {
      for (const peer of this.#peers.values()) peer.emit(event, args);
      return;
    }
    if (!this.#shared.has(stream)) {
      this.#shared.set(stream, new Map());
      stream.on("add", (track) => this.#each((peer) => peer.addTrack(stream, track)));
      stream.on("remove", (track) => this.#each((peer) => peer.removeTrack(stream, track)));
      stream.on("replace", (track, next) => this.#each((peer) => peer.replaceTrack(stream, track, next)));
    }
    this.#shared.get(stream).set(event, args);
    this.#each((peer) => peer.addStream(stream));
  }

  /** To one peer. */
  emitTo(id, event, ...args) {
    this.#peers.get(id)?.emit(event, args);
  }

  peer(id) {
    return this.#peers.get(id);
  }

  streams() {
    return [...this.#shared.keys()];
  }

  eventsOf(stream) {
    return this.#shared.get(stream);
  }

  signal(target, data) {
    this.#socket.emit("#rtcio:message", { source: this.id, target, data });
  }

  forget(peer) {
    if (this.#peers.get(peer.id) === peer) this.#peers.delete(peer.id);
  }

  /** Leaves in order. */
  close() {
    this.#each((peer) => peer.close());
    this.#socket.disconnect();
  }

  /** Cuts the connection to the server under socket.io, which then makes a new one. */
  cutSignaling() {
    this.#socket.io.engine.close();
  }

  #each(action) {
    for (const peer of [...this.#peers.values()]) action(peer);
  }

  #connect(id) {
    // Who asks for a new connection has lost the old one.
    this.#peers.get(id)?.close();
    this.#peers.set(id, new Remote(this, id, true));
  }

  #receive(id, data) {
    if (!this.#peers.has(id)) {
      // Only an offer begins a connection; the rest belongs to one that is gone.
      if (data.description?.type !== "offer") return;
      this.#peers.set(id, new Remote(this, id, false));
    }
    this.#peers.get(id).receive(data);
  }
}
