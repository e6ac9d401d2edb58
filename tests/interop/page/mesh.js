import { io } from "/socket.io.js";
import { Emitter } from "./emitter.js";
import { Remote } from "./remote.js";
import { findStream, SharedStream } from "./stream.js";

/**
 * An rtc.io peer: signaling, and a connection to everybody else in the room.
 *
 * Events: `joined(welcome)`, `server(event, data)`, `peer-connect({id})`, `peer-disconnect({id})`,
 * `peer-state(id, state)`, `message(id, event, args)` from ctrl, `stream(id, event, args, stream)`,
 * `track({peerId, stream, track})` for each remote track, `track-added` for the later ones of a stream,
 * `track-removed`, `new-peer(remote)` when channels may be opened to it, `gone-peer({id})`, `answered(id)` when an offer of ours has its answer, `error(text)`.
 */
export class Mesh extends Emitter {
  watchdog = { timeout: 12_000, hintTimeout: 2_500, hintTtl: 30_000 };
  iceServers = [];
  /** `relay` to use nothing but relays. */
  iceTransportPolicy;
  /** What remote streams are made of. */
  Stream = SharedStream;
  /** Whether the end of `ctrl` is the end of the peer, before anything else notices. */
  endsWithCtrl = true;

  #socket;
  #peers = new Map();
  /** Replay registry: stream → event name → arguments of the emit that carried it. */
  #shared = new Map();
  /** Streams whose changes go to the peers that have them, for good. */
  #watched = new WeakSet();

  constructor(server, options) {
    super();
    this.#socket = io(server, options);
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
        this.nudge();
        this.fire("joined", reply);
      });
    };
    this.#socket.on("connect", join);
    if (this.#socket.connected) join();
  }

  /** The same on a server that answers no joins: one is who the connection says. */
  joinUnanswered(roomId, name) {
    const join = () => {
      this.id = this.#socket.id;
      this.#socket.emit("join-room", { roomId, name });
      this.nudge();
      this.fire("joined", { id: this.id, members: [] });
    };
    this.#socket.on("connect", join);
    if (this.#socket.connected) join();
  }

  /** Signaling is back: connections with trouble are restarted. */
  nudge() {
    this.#each((peer) => peer.nudge());
  }

  /** To every peer: arguments that hold a stream share it, others travel over ctrl. */
  emit(event, ...args) {
    const stream = findStream(args);
    if (!stream) {
      for (const peer of this.#peers.values()) peer.emit(event, args);
      return;
    }
    if (!this.#shared.has(stream)) this.#shared.set(stream, new Map());
    if (!this.#watched.has(stream)) {
      this.#watched.add(stream);
      stream.on("add", (track) => this.#each((peer) => peer.addTrack(stream, track)));
      stream.on("remove", (track) => this.#each((peer) => peer.removeTrack(stream, track)));
      stream.on("replace", (track, next) => this.#each((peer) => peer.replaceTrack(stream, track, next)));
      stream.on("encoding", () => this.#each((peer) => peer.encode(stream)));
    }
    this.#shared.get(stream).set(event, args);
    this.#each((peer) => peer.addStream(stream));
  }

  /** Peers to come do not get the stream. */
  untrack(stream) {
    this.#shared.delete(stream);
  }

  /** To one peer. */
  emitTo(id, event, ...args) {
    this.#peers.get(id)?.emit(event, args);
  }

  peer(id) {
    return this.#peers.get(id);
  }

  peers() {
    return [...this.#peers.values()];
  }

  get socket() {
    return this.#socket;
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
    if (this.#peers.get(peer.id) !== peer) return;
    this.#peers.delete(peer.id);
    this.fire("gone-peer", peer);
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
    const peer = new Remote(this, id, true);
    this.#peers.set(id, peer);
    this.fire("new-peer", peer);
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
