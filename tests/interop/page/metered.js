/**
 * A page that is a peer of a Metered channel by the stock SDK. It keeps what happens as plain values, in order, for tests to
 * look at.
 */
import { DataChannel, MeteredPeer } from "/metered-sdk.js";
import { patternTrack, toneTrack, VideoMeter } from "./media.js";

export class MeteredPage {
  /** `[what, …]` for each event. */
  log = [];
  /** By name: local streams. */
  streams = new Map();
  /** By `label` or `label@peer`: data channels. */
  channels = new Map();
  /** By track id: meters of remote videos. */
  videos = new Map();
  #sockets = [];

  /** `token`: a JWT's stand-in, given for each connection. */
  constructor(url, { apiKey, token, iceServers }) {
    const webSocketFactory = (address) => {
      const socket = new WebSocket(address);
      this.#sockets.push(socket);
      return socket;
    };
    const credentials = apiKey ? { apiKey } : { tokenProvider: async () => token };
    this.peer = new MeteredPeer({ url, webSocketFactory, ...credentials, ...(iceServers && { iceServers }) });
    this.peer.on("joined", () => this.#note("joined", this.peer.peerId));
    this.peer.on("left", () => this.#note("left"));
    this.peer.on("state-change", ({ to, state }) => this.#note("state", to ?? state ?? this.peer.state));
    this.peer.on("error", (error) => this.#note("error", String(error?.name ?? error?.error?.name ?? error)));
    this.peer.on("data", ({ senderPeerId, data, kind, senderMetadata }) =>
      this.#note("data", senderPeerId, data, kind, senderMetadata ?? null),
    );
    this.peer.on("peer-left", (event) => this.#note("peer-left", (event.peer ?? event).id));
    this.peer.on("peer-joined", (event) => this.#meet(event.peer ?? event));
  }

  #note(...entry) {
    this.log.push(entry);
  }

  #meet(remote) {
    const { id } = remote;
    this.#note("peer-joined", id, remote.metadata ?? null);
    const on = (event, say) => remote.on(event, (payload) => this.#note(event, id, ...say(payload ?? {})));
    on("stream-added", ({ stream, metadata }) => [stream.id, metadata ?? null]);
    on("stream-removed", ({ stream }) => [stream.id]);
    on("connection-reset", () => []);
    on("negotiation-error", (error) => [String(error?.name ?? error)]);
    remote.on("track", ({ track, metadata }) => {
      this.#note("track", id, track.kind, track.id, metadata ?? null);
      if (track.kind === "video") this.videos.set(track.id, new VideoMeter(track));
    });
    remote.on("data-channel", (event) => this.#keep(`${(event.channel ?? event).label}@${id}`, event.channel ?? event));
  }

  #keep(name, raw) {
    const channel = raw instanceof DataChannel ? raw : new DataChannel(raw);
    this.channels.set(name, channel);
    channel.on("message", (event) => {
      const data = event?.data ?? event;
      this.#note("channel", name, data instanceof ArrayBuffer ? [...new Uint8Array(data)] : data);
    });
    channel.on("close", () => this.#note("channel-closed", name));
  }

  join(channel) {
    return this.peer.join(channel, { includeSenderMetadata: true });
  }

  remote(id) {
    return this.peer.remotePeers.find((remote) => remote.id === id);
  }

  open(id, label) {
    this.#keep(label, this.remote(id).pc.createDataChannel(label));
  }

  /** Sends the test picture, and a tone if asked for. Answers with the stream's id. */
  async add(name, metadata, hz) {
    const stream = new MediaStream([patternTrack({ width: 320, height: 180, fps: 15 })]);
    if (hz) stream.addTrack(await toneTrack(hz));
    this.streams.set(name, stream);
    this.peer.addStream(stream, metadata);
    return stream.id;
  }

  remove(name) {
    this.peer.removeStream(this.streams.get(name));
  }

  /** Loses the connection to the server without a goodbye to the SDK. */
  drop() {
    this.#sockets.at(-1).close();
  }

  /** True if a video of ours shows pictures now. */
  seen(track) {
    return this.videos.get(track)?.frames ?? 0;
  }

  has(...wanted) {
    return this.log.find((entry) => wanted.every((value, index) => value === null || JSON.stringify(entry[index]) === JSON.stringify(value)));
  }
}
