import { read } from "./pattern.js";
import { Picture } from "./picture.js";

let shared;

/** One AudioContext for everything: each costs a rendering thread. */
function audio() {
  shared ??= new AudioContext({ sampleRate: 48_000 });
  return shared;
}

/** A camera that shows the test picture. `stop` ends it. */
export function patternTrack({ width = 640, height = 360, fps = 30 } = {}) {
  const generator = new MediaStreamTrackGenerator({ kind: "video" });
  const writer = generator.writable.getWriter();
  const picture = new Picture(width, height);
  let number = -1;
  const timer = setInterval(async () => {
    if (generator.readyState === "ended") return clearInterval(timer);
    // An encoder that falls behind skips pictures; it must not pile them up.
    number += 1;
    if (writer.desiredSize <= 0) return;
    picture.draw(number, Date.now());
    await writer.write(picture.frame(Math.round(performance.now() * 1000))).catch(() => {});
  }, 1000 / fps);
  return generator;
}

/** The system's microphone, with the processing that Chromium comes with. */
export async function microphone() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  return stream.getAudioTracks()[0];
}

/** A microphone that hears one tone. */
export async function toneTrack(hz) {
  const context = audio();
  await context.resume();
  const oscillator = new OscillatorNode(context, { frequency: hz });
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  oscillator.connect(new GainNode(context, { gain: 0.4 })).connect(destination);
  oscillator.start();
  return destination.stream.getAudioTracks()[0];
}

/** Looks at every picture of a received track. */
export class VideoMeter {
  frames = 0;
  width = 0;
  height = 0;
  /** The last code that was read, and how many were. */
  pattern = null;
  patterns = 0;

  /** Tells `see` of each picture with a code: the frame, when it came (ms since 1970), and what was read. */
  constructor(track, see = async () => {}) {
    this.#run(new MediaStreamTrackProcessor({ track }).readable.getReader(), see);
  }

  async #run(reader, see) {
    let buffer = new Uint8Array(0);
    for (;;) {
      const { value: frame, done } = await reader.read();
      if (done) return;
      const at = Date.now();
      try {
        this.frames += 1;
        this.width = frame.displayWidth;
        this.height = frame.displayHeight;
        const { x, y, width, height } = frame.visibleRect;
        // Only the upper quarter holds the code; an even height suits subsampled chroma.
        const options = { rect: { x, y, width, height: 2 * Math.ceil(height / 8) } };
        const size = frame.allocationSize(options);
        if (buffer.length < size) buffer = new Uint8Array(size);
        const [{ offset, stride }] = await frame.copyTo(buffer, options);
        // Luma comes first in planar formats; in packed ones green is nearest to it.
        const step = /^(RGB|BGR)/.test(frame.format) ? 4 : 1;
        const luma = (x, y) => buffer[offset + y * stride + x * step + (step === 4 ? 1 : 0)];
        const pattern = read(width, height, luma);
        if (pattern) {
          this.pattern = pattern;
          this.patterns += 1;
          await see(frame, at, pattern);
        }
      } finally {
        frame.close();
      }
    }
  }

  get state() {
    const { frames, width, height, pattern, patterns } = this;
    return { frames, width, height, number: pattern?.number ?? null, clock: pattern?.clock ?? null, patterns };
  }
}

/** Listens to a received track. */
export class AudioMeter {
  #analyser;
  #element = new Audio();

  /** `aloud`: it is played, too. */
  constructor(track, aloud = false) {
    const context = audio();
    const media = new MediaStream([track]);
    // Chromium decodes remote audio only for a media element (crbug.com/933677).
    this.#element.srcObject = media;
    this.#element.muted = !aloud;
    this.#element.play().catch((error) => console.error("a track cannot be played", error));
    this.#analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    new MediaStreamAudioSourceNode(context, { mediaStream: media }).connect(this.#analyser);
    context.resume();
  }

  /** Level (RMS, 0 to 1) and the strongest frequency in Hz, null in silence. */
  get state() {
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    if (level < 1e-3) return { level, hz: null };
    const spectrum = new Float32Array(this.#analyser.frequencyBinCount);
    this.#analyser.getFloatFrequencyData(spectrum);
    const peak = spectrum.reduce((best, power, bin) => (power > spectrum[best] ? bin : best), 0);
    return { level, hz: (peak * this.#analyser.context.sampleRate) / this.#analyser.fftSize };
  }
}
