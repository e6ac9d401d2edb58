// Chromium as one side of a data channel: what bin/bench/peer.rs is for ours. Runs in a page of tests/interop.
const { default: io } = await import("/rtcio.js");

globalThis.bench = {
  async join(server, room) {
    this.socket = io(server, {});
    // Chromium refuses what would be more than 16 MiB, rtc.io's own high mark.
    this.channel = this.socket.createChannel("bench", { highWatermark: 8 << 20 });
    // What is sent before only waits, and no `drain` tells when that went.
    this.open = new Promise((resolve) => this.channel.on("open", resolve));
    await new Promise((resolve, reject) => {
      this.socket.server.on("connect", () => {
        this.socket.server.emit("join-room", { roomId: room, name: "Chromium" }, (reply) =>
          reply?.id ? resolve() : reject(new Error(`not joined: ${JSON.stringify(reply)}`)),
        );
      });
    });
  },

  /** Begins what is asked for; `result` answers. */
  begin({ do: what, size, count }) {
    this.pending = this.open.then(() => this[what](size, count)).then(
      (value) => ({ value }),
      (error) => ({ error: String(error) }),
    );
  },

  /** What came out, or null if that takes longer than `patience` ms. */
  result(patience) {
    return Promise.race([this.pending, new Promise((resolve) => setTimeout(() => resolve(null), patience))]);
  },

  serve() {
    let bytes = 0;
    let echoes = false;
    this.channel.on("data", (data) => {
      if (echoes) this.channel.send(data);
      else bytes += data.byteLength;
    });
    this.channel.on("echo", (on) => (echoes = on));
    this.channel.on("end", () => {
      this.channel.emit("result", bytes);
      bytes = 0;
    });
  },

  async send(size, count) {
    const message = new Uint8Array(size).fill(0x5a).buffer;
    const result = new Promise((resolve) => this.channel.once("result", resolve));
    const started = performance.now();
    for (let number = 0; number < count; number += 1) {
      if (!this.channel.send(message)) await new Promise((resolve) => this.channel.once("drain", resolve));
    }
    this.channel.emit("end");
    const got = await result;
    if (got !== size * count) throw new Error(`${got} of ${size * count} bytes arrived`);
    return (performance.now() - started) / 1000;
  },

  async echo(size, count) {
    const message = new Uint8Array(size).fill(0x5a).buffer;
    this.channel.emit("echo", true);
    const times = [];
    for (let number = 0; number < count; number += 1) {
      const back = new Promise((resolve) => this.channel.once("data", resolve));
      const started = performance.now();
      this.channel.send(message);
      await back;
      times.push((performance.now() - started) / 2);
    }
    this.channel.emit("echo", false);
    return times;
  },
};
