import { Emitter } from "./emitter.js";

const HIGH_WATERMARK = 16 << 20;
const LOW_WATERMARK = 1 << 20;
const QUEUE_BUDGET = 1 << 20;

/** SCTP stream id of the channel `name`: FNV-1a over its UTF-16 code units, folded into 1 to 1023 (protocol section 3). */
export function channelId(name) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return (hash % 1023) + 1;
}

/** What RTCDataChannel itself is told of the options of a channel. */
function transport({ ordered, maxRetransmits, maxPacketLifeTime }) {
  const all = { ordered, maxRetransmits, maxPacketLifeTime };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Bytes that a frame takes of the queue's budget. */
function cost(data) {
  return typeof data === "string" ? 2 * data.length : data.byteLength;
}

/** `RTCIOChannel`: a named channel to one peer. Local events: `open`, `close`, `error`, `drain`, `data`. */
export class Channel extends Emitter {
  #dc = null;
  #queue = [];
  #queued = 0;
  #options;

  constructor(options = {}) {
    super();
    this.#options = options;
  }

  /** Opens it on `pc`, unless it is open there already. */
  open(pc, name) {
    if (this.#dc) return;
    const dc = pc.createDataChannel(`rtcio:ch:${name}`, { ...transport(this.#options), negotiated: true, id: channelId(name) });
    this.#dc = dc;
    dc.binaryType = "arraybuffer";
    dc.bufferedAmountLowThreshold = this.#options.lowWatermark ?? LOW_WATERMARK;
    dc.onopen = () => {
      this.#flush();
      this.fire("open");
    };
    dc.onclose = () => {
      this.#dc = null;
      this.#forget();
      this.fire("close");
    };
    dc.onerror = (event) => this.fire("error", event.error ?? event);
    dc.onbufferedamountlow = () => {
      this.#flush();
      this.fire("drain");
    };
    dc.onmessage = ({ data }) => (typeof data === "string" ? this.#receive(data) : this.fire("data", data));
  }

  get attached() {
    return this.#dc !== null;
  }

  get readyState() {
    return this.#dc?.readyState ?? "connecting";
  }

  get bufferedAmount() {
    return this.#dc?.bufferedAmount ?? 0;
  }

  emit(event, ...args) {
    this.send(JSON.stringify({ e: event, d: args }));
  }

  /** True if the frame went out at once; false if it waits, or was refused with an `error`. */
  send(data) {
    const full = this.bufferedAmount >= (this.#options.highWatermark ?? HIGH_WATERMARK);
    if (this.readyState === "open" && !full && this.#queue.length === 0) {
      try {
        this.#dc.send(data);
        return true;
      } catch (error) {
        this.fire("error", error);
        return false;
      }
    }
    if (this.#queued + cost(data) > (this.#options.queueBudget ?? QUEUE_BUDGET)) {
      this.fire("error", new Error("queue budget exceeded"));
      return false;
    }
    this.#queue.push(data);
    this.#queued += cost(data);
    return false;
  }

  close() {
    this.#dc?.close();
    this.#forget();
  }

  #forget() {
    this.#queue = [];
    this.#queued = 0;
  }

  #flush() {
    const high = this.#options.highWatermark ?? HIGH_WATERMARK;
    while (this.#queue.length > 0 && this.readyState === "open" && this.bufferedAmount < high) {
      const data = this.#queue.shift();
      this.#queued -= cost(data);
      this.#dc.send(data);
    }
  }

  #receive(text) {
    let envelope;
    try {
      envelope = JSON.parse(text);
    } catch {
      return this.fire("error", new Error("a text frame that is no envelope"));
    }
    const { e: event, d: args } = envelope ?? {};
    if (typeof event === "string") this.fire(event, ...(Array.isArray(args) ? args : []));
  }
}

/** `RTCIOBroadcastChannel`: one channel of that name to every peer, those of the future as well. */
export class BroadcastChannel extends Emitter {
  #peers = new Map();
  #closed = false;

  constructor(name, options = {}) {
    super();
    this.name = name;
    this.options = options;
  }

  get peerCount() {
    return this.#peers.size;
  }

  get closed() {
    return this.#closed;
  }

  addPeer(id, channel) {
    if (this.#closed || this.#peers.get(id) === channel) return;
    this.#peers.set(id, channel);
    // `fire` and not `on` for each name: listeners that come later hear this peer as well.
    channel.pipe((event, ...args) => {
      if (this.#peers.get(id) !== channel) return;
      if (event === "close") this.removePeer(id);
      else this.fire(event, ...args);
    });
  }

  removePeer(id) {
    if (!this.#peers.delete(id)) return;
    this.fire("peer-left", id);
    if (this.#peers.size === 0 && !this.#closed) this.fire("close");
  }

  emit(event, ...args) {
    for (const channel of this.#peers.values()) channel.emit(event, ...args);
  }

  /** True if it went to all of them at once. */
  send(data) {
    return [...this.#peers.values()].map((channel) => channel.send(data)).every(Boolean);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const channel of this.#peers.values()) channel.close();
    this.#peers.clear();
    this.fire("close");
  }
}
