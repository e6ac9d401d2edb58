import { AudioMeter, microphone, patternTrack, toneTrack, VideoMeter } from "./media.js";
import { Mesh } from "./mesh.js";
import { Recorder } from "./recorder.js";
import { onlyVideo, SharedStream } from "./stream.js";

/**
 * A participant: what an application made with rtc.io does, and what Confab does. Tests drive it through
 * `window.call` and read `window.call.state`.
 */
class Call {
  /** MIME types in which the camera may be sent, the preferred first; null for all. */
  codecs = null;
  /** What the others say is played by the speaker. */
  aloud = false;
  #mesh;
  #me = { mic: false, cam: false };
  #camera;
  #people = new Map();
  #meters = new Map();
  #chat = [];
  #log = [];
  #joins = 0;
  #recorder;

  /** Joins with `audio` (a frequency in Hz, or "microphone") and `video` (`{ width, height, fps, maxBitrate }`), either of which may be null. `answers`: whether the server answers joins. */
  async join({ server, room, name, audio = null, video = null, answers = true }) {
    this.name = name;
    this.#mesh = new Mesh(server);
    this.#listen();
    this.#camera = new SharedStream();
    if (this.codecs) this.#camera.codecs = onlyVideo(this.codecs);
    if (audio) this.#camera.media.addTrack(await (audio === "microphone" ? microphone() : toneTrack(audio)));
    if (video) this.#camera.media.addTrack(patternTrack(video));
    this.#camera.maxBitrate = video?.maxBitrate;
    this.#me = { mic: Boolean(audio), cam: Boolean(video) };
    const joined = new Promise((resolve) => this.#mesh.on("joined", resolve));
    if (answers) this.#mesh.join(room, name);
    else this.#mesh.joinUnanswered(room, name);
    await joined;
    this.#share();
    return this.#mesh.id;
  }

  /** Turns the camera on, in the stream that is already there. */
  addCamera(video) {
    this.#camera.add(patternTrack(video));
    this.#setMedia({ cam: true });
  }

  /** Turns the camera on when a newcomer has answered our offer: that is when it makes an offer of its own. */
  addCameraInTheWay(video) {
    let added = false;
    this.#mesh.on("answered", () => {
      if (!added) this.addCamera(video);
      added = true;
    });
  }

  /** Turns the camera off. */
  removeCamera() {
    for (const track of this.#camera.media.getVideoTracks()) {
      this.#camera.remove(track);
      track.stop();
    }
    this.#setMedia({ cam: false });
  }

  /** Shows another picture in place of the camera's, without a new negotiation. */
  swapCamera(video) {
    const [track] = this.#camera.media.getVideoTracks();
    this.#camera.replace(track, patternTrack(video));
    track.stop();
  }

  /** Sends the browser's own camera, encoded once for each peer with at most `maxBitrate` bit/s. */
  async shareCamera({ width, height, fps, maxBitrate }) {
    const video = { width: { exact: width }, height: { exact: height }, frameRate: { exact: fps } };
    const stream = new SharedStream(await navigator.mediaDevices.getUserMedia({ video }));
    stream.maxBitrate = maxBitrate;
    this.#mesh.emit("camera", { id: this.#mesh.id, name: this.name, stream });
  }

  /** Shares the screen that the browser chooses, at the size and rate of the wish. */
  async shareDisplay({ width, height, fps, maxBitrate }) {
    const video = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: fps } };
    const media = await navigator.mediaDevices.getDisplayMedia({ video });
    for (const track of media.getVideoTracks()) track.contentHint = "detail";
    const stream = new SharedStream(media);
    stream.maxBitrate = maxBitrate;
    this.#mesh.emit("screen", { id: this.#mesh.id, name: this.name, stream });
  }

  /** Shares one more stream. */
  shareScreen(video) {
    this.#mesh.emit("screen", { id: this.#mesh.id, name: this.name, stream: new SharedStream(new MediaStream([patternTrack(video)])) });
  }

  /** Shares a tone at the moment `at` (ms since 1970), to do so together with others. */
  async shareTone(hz, at) {
    const stream = new SharedStream(new MediaStream([await toneTrack(hz)]));
    await new Promise((resolve) => setTimeout(resolve, at - Date.now()));
    this.#mesh.emit("tone", { stream });
  }

  say(text) {
    const message = { id: crypto.randomUUID(), from: this.name, author: this.#mesh.id, text, at: Date.now() };
    this.#chat.push(message);
    this.#mesh.emit("chat", message);
  }

  leave() {
    this.#mesh.close();
  }

  cutSignaling() {
    this.#mesh.cutSignaling();
  }

  /** Sends `frame` as it is over the ctrl channel to the person called `name`. */
  sendRaw(name, frame) {
    this.#mesh.peer(this.find(name)).ctrl.send(frame);
  }

  /** From now on keeps what is seen, and the luma of one picture each `interval` ms. */
  record(interval) {
    this.#recorder = new Recorder(interval);
  }

  get recorder() {
    return this.#recorder;
  }

  get state() {
    const people = Object.fromEntries(
      [...this.#people].map(([id, person]) => {
        const tracks = [...this.#meters.values()].filter((meter) => meter.peer === id);
        const view = ({ kind, event, stream, meter }) => ({ kind, event: event ?? stream.event ?? null, ...meter.state });
        const peer = this.#mesh.peer(id);
        return [id, { ...person, collisions: peer?.collisions ?? 0, signaling: peer?.pc.signalingState, tracks: tracks.map(view) }];
      }),
    );
    return { id: this.#mesh?.id, joins: this.#joins, people, chat: this.#chat, log: this.#log };
  }

  /** The id of the person called `name`. */
  find(name) {
    return [...this.#people].find(([, person]) => person.name === name && !person.gone)?.[0];
  }

  /** The person called `name`, if connected; with the first track of each kind under that kind. */
  person(name) {
    const id = this.find(name);
    const person = this.state.people[id];
    if (!person?.connected) return null;
    const track = (kind) => person.tracks.find((track) => track.kind === kind) ?? null;
    return { id, ...person, audio: track("audio"), video: track("video") };
  }

  /** What the browser measures on the connection to `name`. */
  async stats(name) {
    const report = [...(await this.#mesh.peer(this.find(name)).pc.getStats()).values()];
    const codec = (stat) => report.find((other) => other.id === stat.codecId)?.mimeType;
    const rtp = (type) =>
      report.filter((stat) => stat.type === type).map((stat) => ({
        kind: stat.kind,
        codec: codec(stat),
        bytes: stat.bytesReceived ?? stat.bytesSent,
        packets: stat.packetsReceived ?? stat.packetsSent,
        lost: stat.packetsLost,
        fps: stat.framesPerSecond,
        keyFrames: stat.keyFramesDecoded ?? stat.keyFramesEncoded,
        nack: stat.nackCount,
        pli: stat.pliCount,
      }));
    const pair = report.find((stat) => stat.type === "candidate-pair" && stat.nominated);
    const kind = (id) => report.find((stat) => stat.id === id)?.candidateType;
    return {
      inbound: rtp("inbound-rtp"),
      outbound: rtp("outbound-rtp"),
      rtt: pair?.currentRoundTripTime,
      local: kind(pair?.localCandidateId),
      remote: kind(pair?.remoteCandidateId),
    };
  }

  #share() {
    this.#mesh.emit("camera", { id: this.#mesh.id, name: this.name, stream: this.#camera });
  }

  #setMedia(change) {
    this.#me = { ...this.#me, ...change };
    this.#mesh.emit("media-state", this.#me);
  }

  #person(id) {
    if (!this.#people.has(id)) this.#people.set(id, { name: "", connected: false });
    return this.#people.get(id);
  }

  #listen() {
    const mesh = this.#mesh;
    mesh.on("joined", () => (this.#joins += 1));
    mesh.on("error", (text) => this.#log.push(`error: ${text}`));
    mesh.on("server", (event, data) => {
      if (event === "user-connected") this.#person(data.id).name = data.name;
      else this.#log.push(`server: ${event} ${JSON.stringify(data)}`);
    });
    mesh.on("peer-connect", ({ id }) => {
      Object.assign(this.#person(id), { connected: true, gone: false });
      mesh.emitTo(id, "media-state", this.#me);
      if (this.#chat.length > 0) mesh.emitTo(id, "chat-history", this.#chat);
    });
    mesh.on("peer-disconnect", ({ id }) => {
      Object.assign(this.#person(id), { connected: false, gone: true });
      for (const [track, { peer }] of this.#meters) if (peer === id) this.#meters.delete(track);
    });
    mesh.on("track", ({ peerId, stream, track }) => {
      const meter = track.kind === "video" ? this.#videoMeter(track) : new AudioMeter(track, this.aloud);
      this.#meters.set(track, { peer: peerId, kind: track.kind, stream, meter });
    });
    mesh.on("track-removed", ({ track }) => this.#meters.delete(track));
    mesh.on("stream", (id, event, [argument], stream) => {
      stream.event = event;
      if (argument?.name) this.#person(id).name ||= argument.name;
    });
    mesh.on("message", (id, event, [argument]) => this.#receive(id, event, argument));
  }

  #videoMeter(track) {
    return new VideoMeter(track, async (...seen) => this.#recorder?.see(...seen));
  }

  #receive(id, event, argument) {
    const add = (message) => {
      if (!this.#chat.some((known) => known.id === message.id)) this.#chat.push(message);
    };
    if (event === "chat") add({ ...argument, author: id });
    else if (event === "chat-history" && Array.isArray(argument)) argument.forEach(add);
    else if (event === "media-state") this.#person(id).media = argument;
    else this.#log.push(`peer: ${event}`);
  }
}

window.call = new Call();
