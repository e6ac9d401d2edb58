// Chromium as a full participant: what the app's window does. Runs in a page of tests/interop.
const { default: io, RTCIOStream } = await import("/rtcio.js");

globalThis.participant = {
  tiles: [],

  /** Joins, sends the camera with at most `maxBitrate` bit/s, and draws everybody at `places`. */
  async join({ server, room, width, height, fps, maxBitrate, places }) {
    document.body.style.background = "#0b0e13";
    const video = { width: { exact: width }, height: { exact: height }, frameRate: { exact: fps } };
    const camera = await navigator.mediaDevices.getUserMedia({ video });
    const others = places.filter(({ own }) => !own);
    const socket = io(server, {});
    socket.on("camera", ({ stream }) => this.show(stream.mediaStream, others.shift()));
    await new Promise((resolve, reject) => {
      socket.server.on("connect", () => {
        socket.server.emit("join-room", { roomId: room, name: "Participant" }, (reply) =>
          reply?.id ? resolve() : reject(new Error(`not joined: ${JSON.stringify(reply)}`)),
        );
      });
    });
    const stream = new RTCIOStream(camera, { videoEncoding: { maxBitrate } });
    socket.emit("camera", { id: socket.id, name: "Participant", stream });
    // Over the others, as the app shows it in a call of two.
    this.show(camera, places.find(({ own }) => own)).style.zIndex = 1;
  },

  show(media, { own, x, y, width, height }) {
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, srcObject: media });
    const place = { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` };
    Object.assign(video.style, { position: "fixed", objectFit: "cover", ...place });
    document.body.append(video);
    this.tiles.push({ own, video });
    return video;
  },

  look() {
    const tiles = this.tiles.map(({ own, video }) => {
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      return { own, frames: totalVideoFrames - droppedVideoFrames, picture: [video.videoWidth, video.videoHeight] };
    });
    return { at: performance.now(), tiles };
  },
};
