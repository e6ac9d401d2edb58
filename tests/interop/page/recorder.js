/** Keeps what was seen in received pictures until it is asked for: reading it out meanwhile would disturb what is measured. */
export class Recorder {
  /** Each picture with a code: when it came (ms since 1970), its number, its age in ms, its size. */
  pictures = [];
  /** Luma of some of them: `{ index, width, height, bytes }`, of the picture with that index. */
  lumas = [];

  #interval;
  #due = 0;

  /** Keeps the luma of one picture each `interval` ms. */
  constructor(interval) {
    this.#interval = interval;
  }

  /** A picture came at the moment `at`; `pattern` was read from it. */
  async see(frame, at, { number, clock }) {
    const { width, height } = frame.visibleRect;
    const index = this.pictures.push({ at, number, latency: at - clock, width, height }) - 1;
    if (at < this.#due) return;
    this.#due = at + this.#interval;
    if (frame.format !== "I420") throw new Error(`a decoded picture is ${frame.format}, not I420`);
    const bytes = new Uint8Array(frame.allocationSize());
    const [{ offset, stride }] = await frame.copyTo(bytes);
    if (offset !== 0 || stride !== width) throw new Error("the rows of a decoded picture have gaps");
    this.lumas.push({ index, width, height, bytes: bytes.subarray(0, width * height) });
  }

  /** Luma number `index` of those kept, as base64. */
  luma(index) {
    const { bytes, ...luma } = this.lumas[index];
    return { ...luma, base64: bytes.toBase64() };
  }
}
