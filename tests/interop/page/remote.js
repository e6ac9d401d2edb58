import { Channel, channelId } from "./channel.js";
import { fromWire, toWire } from "./stream.js";

const RESERVED = new Set(["peer-connect", "peer-disconnect", "track-added", "track-removed"]);
const CTRL_FRAME_BYTES = 1 << 20;
const CTRL_QUEUE = 1024;
const encoder = new TextEncoder();

/**
 * The connection to one other peer (protocol sections 2 to 4 and 6).
 *
 * The member that was in the room first makes it on `init-offer`: it is polite, adds its streams, and offers. The
 * newcomer makes it when that offer comes: it is impolite, and adds its streams once the offer is answered.
 */
export class Remote {
  /** Collisions of offers seen here; a test wants to know that there were some. */
  collisions = 0;

  #mesh;
  #tail = Promise.resolve();
  #queue = [];
  #streams = new Map();
  #senders = new Map();
  /**
   * Transceivers by stream that had a track and have none now. No other stream gets them: Chromium 156 takes the new msid of
   * `setStreams` back with its next offer.
   */
  #idle = new Map();
  #channels = new Map();
  #makingOffer = false;
  #ignoringOffer = false;
  #settingAnswer = false;
  #started;
  #announced = false;
  #watchdog;
  #hintedAt = -Infinity;

  constructor(mesh, id, polite) {
    this.#mesh = mesh;
    this.id = id;
    this.polite = polite;
    this.#started = polite;
    this.pc = new RTCPeerConnection({ iceServers: mesh.iceServers, iceTransportPolicy: mesh.iceTransportPolicy });
    this.pc.onicecandidate = ({ candidate }) => candidate && this.#signal({ candidate: candidate.toJSON() });
    this.pc.onnegotiationneeded = () => this.#started && this.#offer();
    this.pc.onconnectionstatechange = () => this.#watch();
    this.pc.ontrack = (event) => this.#receiveTrack(event);
    this.pc.ondatachannel = ({ channel }) => channel.close();
    this.ctrl = this.pc.createDataChannel("rtcio:ctrl", { negotiated: true, id: 0, ordered: true });
    this.ctrl.onopen = () => this.#open();
    this.ctrl.onmessage = ({ data }) => this.#receiveEnvelope(data);
    // The other side ends the transport of its channels when it leaves in order: there is nothing left to wait for.
    this.ctrl.onclose = () => mesh.endsWithCtrl && this.close();
    if (polite) this.#addStreams();
  }

  get connected() {
    return this.#announced;
  }

  /** Handles `data` after everything that came before it. */
  receive(data) {
    this.#tail = this.#tail
      .then(() => this.pc.signalingState !== "closed" && this.#handle(data))
      .catch((error) => this.#mesh.fire("error", `a signal of ${this.id}: ${error}`));
  }

  /** Sends an event over `ctrl`, or keeps it until that is open: 1024 at most, the oldest go first. */
  emit(event, args) {
    const frame = JSON.stringify({ e: event, d: args });
    if (this.ctrl.readyState === "open") {
      this.ctrl.send(frame);
    } else if (this.ctrl.readyState === "connecting") {
      this.#queue.push(frame);
      if (this.#queue.length > CTRL_QUEUE) this.#queue.shift();
    }
  }

  /** Sends a stream of ours, tracks that it has and tracks that it gets. */
  addStream(stream) {
    if (!this.#started || this.#senders.has(stream.uuid)) return;
    this.#senders.set(stream.uuid, new Map());
    for (const track of stream.media.getTracks()) this.addTrack(stream, track);
  }

  addTrack(stream, track) {
    const senders = this.#senders.get(stream.uuid);
    if (!senders || senders.has(track)) return;
    const init = { direction: "sendonly", streams: [stream.media] };
    if (stream.maxBitrate && track.kind === "video") init.sendEncodings = [{ maxBitrate: stream.maxBitrate }];
    const idle = this.#idle.get(stream.uuid) ?? [];
    const index = idle.findIndex((transceiver) => transceiver.receiver.track.kind === track.kind);
    if (index < 0) {
      const transceiver = this.pc.addTransceiver(track, init);
      senders.set(track, transceiver);
      this.#prefer(stream, transceiver, track.kind);
    } else {
      const [transceiver] = idle.splice(index, 1);
      transceiver.sender.replaceTrack(track);
      transceiver.direction = "sendonly";
      senders.set(track, transceiver);
    }
    this.encode(stream);
  }

  /** Applies what the stream says about its encoding to each video track of it. */
  encode(stream) {
    const { contentHint, degradationPreference, ...encoding } = stream.encoding ?? {};
    for (const [track, { sender }] of this.#senders.get(stream.uuid) ?? []) {
      if (track.kind !== "video" || !stream.encoding) continue;
      if (contentHint !== undefined) track.contentHint = contentHint;
      const parameters = sender.getParameters();
      if (degradationPreference) parameters.degradationPreference = degradationPreference;
      for (const one of parameters.encodings) Object.assign(one, encoding);
      sender.setParameters(parameters).catch((error) => console.warn(`an encoding is refused: ${error}`));
    }
  }

  /** The channel `name` to this peer, made on first use. Two names with one id are an error. */
  channel(name, options) {
    for (const other of this.#channels.keys()) {
      if (other !== name && channelId(other) === channelId(name)) {
        throw new Error(`the channels '${name}' and '${other}' have one id, ${channelId(name)}`);
      }
    }
    if (!this.#channels.has(name)) this.#channels.set(name, new Channel(options));
    const channel = this.#channels.get(name);
    channel.open(this.pc, name);
    return channel;
  }

  removeTrack(stream, track) {
    const senders = this.#senders.get(stream.uuid);
    const transceiver = senders?.get(track);
    if (!transceiver) return;
    senders.delete(track);
    transceiver.direction = "inactive";
    transceiver.sender.replaceTrack(null);
    this.#idle.set(stream.uuid, [...(this.#idle.get(stream.uuid) ?? []), transceiver]);
  }

  replaceTrack(stream, track, next) {
    const senders = this.#senders.get(stream.uuid);
    const transceiver = senders?.get(track);
    if (!transceiver) return;
    senders.delete(track);
    senders.set(next, transceiver);
    transceiver.sender.replaceTrack(next);
  }

  /** Signaling says that the peer is gone: a hint, which makes us less patient with a connection that has trouble. */
  hintGone() {
    if (["disconnected", "failed"].includes(this.pc.connectionState)) return this.close();
    this.#hintedAt = performance.now();
  }

  /** Signaling is back: what waits for an answer can go on. */
  nudge() {
    if (["disconnected", "failed"].includes(this.pc.connectionState)) this.pc.restartIce();
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.#watchdog);
    for (const channel of this.#channels.values()) channel.close();
    this.pc.close();
    this.#mesh.forget(this);
    if (this.#announced) return this.#mesh.fire("peer-disconnect", { id: this.id });
    // Nobody hears of the end of a connection that never opened; the tracks that its offer brought end with it.
    for (const stream of this.#streams.values()) {
      for (const track of stream.media.getTracks()) this.#mesh.fire("track-removed", { peerId: this.id, stream, track });
    }
  }

  #prefer(stream, transceiver, kind) {
    const order = stream.codecs?.(RTCRtpSender.getCapabilities(kind).codecs, kind) ?? [];
    if (order.length > 0) transceiver.setCodecPreferences(order);
  }

  #signal(data) {
    this.#mesh.signal(this.id, data);
  }

  #addStreams() {
    for (const stream of this.#mesh.streams()) this.addStream(stream);
  }

  // W3C webrtc-pc section 10.7, "perfect negotiation".
  async #offer() {
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
      this.#signal({ description: this.pc.localDescription });
    } catch (error) {
      if (!this.closed) this.#mesh.fire("error", `an offer to ${this.id}: ${error}`);
    } finally {
      this.#makingOffer = false;
    }
  }

  async #handle(data) {
    if (data.description) {
      await this.#describe(data.description);
    } else if (data.candidate) {
      try {
        await this.pc.addIceCandidate(data.candidate);
      } catch (error) {
        // Those of an offer that was ignored belong to nothing.
        if (!this.#ignoringOffer) throw error;
      }
    } else if (typeof data.mid === "string") {
      data.events ? this.#identify(data.mid, data.events) : this.#answerQuery(data.mid);
    }
  }

  async #describe(description) {
    const offer = description.type === "offer";
    const ready = !this.#makingOffer && (this.pc.signalingState === "stable" || this.#settingAnswer);
    const collision = offer && !ready;
    if (collision) this.collisions += 1;
    this.#ignoringOffer = !this.polite && collision;
    if (this.#ignoringOffer) return;
    if (!offer && this.pc.signalingState !== "have-local-offer") return;
    this.#settingAnswer = !offer;
    try {
      await this.pc.setRemoteDescription(description);
    } finally {
      this.#settingAnswer = false;
    }
    if (!offer) return this.#mesh.fire("answered", this.id);
    await this.pc.setLocalDescription();
    this.#signal({ description: this.pc.localDescription });
    if (!this.#started) {
      this.#started = true;
      this.#addStreams();
      this.#mesh.fire("new-peer", this);
    }
  }

  // Which stream is this? Only who shared it knows.
  #answerQuery(mid) {
    const stream = this.#mesh.streams().find((stream) => stream.media.id === mid);
    if (!stream) return;
    const events = Object.fromEntries(
      [...this.#mesh.eventsOf(stream)].map(([event, args]) => [event, toWire(args)]),
    );
    this.#signal({ mid, events });
  }

  #identify(mid, events) {
    const stream = this.#streams.get(mid);
    if (!stream) return;
    for (const [event, args] of Object.entries(events)) {
      if (!Array.isArray(args) || this.#reserved(event)) continue;
      const resolve = (uuid) => {
        stream.uuid = uuid;
        return stream;
      };
      this.#mesh.fire("stream", this.id, event, fromWire(args, resolve), stream);
    }
  }

  #receiveTrack({ track, streams: [media] }) {
    const key = media?.id ?? track.id;
    const known = this.#streams.get(key);
    const stream = known ?? new this.#mesh.Stream(media ?? new MediaStream([track]));
    if (media) {
      media.onremovetrack = ({ track }) => {
        stream.media.removeTrack(track);
        this.#mesh.fire("track-removed", { peerId: this.id, stream, track });
      };
      // A MediaStream that has lost its last track is forgotten, and another one with the same id takes its place.
      if (media !== stream.media) stream.media.addTrack(track);
    }
    if (!known) {
      this.#streams.set(key, stream);
      if (media) this.#signal({ mid: media.id });
    }
    this.#mesh.fire("track", { peerId: this.id, stream, track });
    if (known) this.#mesh.fire("track-added", { peerId: this.id, stream, track });
  }

  #open() {
    for (const frame of this.#queue.splice(0)) this.ctrl.send(frame);
    this.#announced = true;
    this.#mesh.fire("peer-connect", { id: this.id });
  }

  #reserved(event) {
    return RESERVED.has(event) || event.startsWith("#rtcio:");
  }

  #receiveEnvelope(data) {
    if (typeof data !== "string" || encoder.encode(data).length > CTRL_FRAME_BYTES) return this.#drop("too large or binary");
    let envelope;
    try {
      envelope = JSON.parse(data);
    } catch {
      return this.#drop("no JSON");
    }
    const { e: event, d: args } = envelope ?? {};
    if (typeof event !== "string" || this.#reserved(event)) return this.#drop("no event that a peer may send");
    this.#mesh.fire("message", this.id, event, Array.isArray(args) ? args : []);
  }

  #drop(why) {
    console.warn(`a ctrl frame of ${this.id} is dropped: ${why}`);
  }

  #watch() {
    const state = this.pc.connectionState;
    this.#mesh.fire("peer-state", this.id, state);
    if (state === "connected") {
      clearTimeout(this.#watchdog);
      this.#watchdog = undefined;
    } else if (state === "disconnected" || state === "failed") {
      if (state === "failed") this.pc.restartIce();
      const { timeout, hintTimeout, hintTtl } = this.#mesh.watchdog;
      const hinted = performance.now() - this.#hintedAt < hintTtl;
      this.#watchdog ??= setTimeout(() => this.close(), hinted ? hintTimeout : timeout);
    }
  }
}
