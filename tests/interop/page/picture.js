import { BLACK, CODE_ROWS, code, COLUMNS, edge, ROWS, WHITE } from "./pattern.js";

/** Eight calm bars, dark to light and back: Y, U, V in BT.601 limited range. */
const BARS = [
  [62, 150, 112],
  [84, 158, 98],
  [112, 150, 88],
  [142, 128, 98],
  [168, 102, 120],
  [176, 84, 146],
  [150, 92, 172],
  [112, 112, 178],
];

/** Digits as 3x5 dots, one row per three bits, top row first. */
const DIGITS = [0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71122, 0o75757, 0o75717];

/**
 * A picture in I420, drawn as `confab_media::pattern` draws it, sample by sample: what a page sends can be compared with what
 * Rust draws for the same number.
 */
export class Picture {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.chroma = Math.ceil(width / 2);
    this.chromaHeight = Math.ceil(height / 2);
    const [luma, chroma] = [width * height, this.chroma * this.chromaHeight];
    this.data = new Uint8Array(luma + 2 * chroma);
    this.y = this.data.subarray(0, luma);
    this.u = this.data.subarray(luma, luma + chroma);
    this.v = this.data.subarray(luma + chroma);
  }

  /** What a track carries. */
  frame(timestamp) {
    return new VideoFrame(this.data, { format: "I420", codedWidth: this.width, codedHeight: this.height, timestamp });
  }

  /** Draws frame `number` at `clock` (ms) over the whole picture. */
  draw(number, clock) {
    const { width, height } = this;
    code(number, clock).forEach((bits, row) => {
      for (let column = 0; column < COLUMNS; column += 1) {
        const luma = (bits >>> (COLUMNS - 1 - column)) & 1 ? WHITE : BLACK;
        this.#fill(part(column, COLUMNS, width), part(row, ROWS, height), [luma, 128, 128]);
      }
    });
    const [top, bottom] = [edge(CODE_ROWS, ROWS, height), edge(12, ROWS, height)];
    BARS.forEach((colour, index) => this.#fill(part(index, BARS.length, width), [top, bottom], colour));
    this.#floor(bottom, number);
    this.#disc(top, number);
    this.#digits(bottom, number);
  }

  /** A slowly sliding gradient. */
  #floor(top, number) {
    const { width, height, chroma, chromaHeight } = this;
    const slide = Math.floor((number * width) / 320);
    const period = Math.max(2, Math.floor(width / 4));
    const waves = Array.from({ length: period }, (_, phase) => Math.floor((Math.min(phase, period - phase) * 2 * 36) / period));
    for (let row = top; row < height; row += 1) {
      const base = 40 + Math.floor(((row - top) * 48) / Math.max(1, height - top));
      let phase = (slide + (row >> 1)) % period;
      for (let at = row * width; at < (row + 1) * width; at += 1) {
        this.y[at] = base + waves[phase];
        phase = phase + 1 < period ? phase + 1 : 0;
      }
    }
    const rows = [Math.ceil(top / 2) * chroma, chromaHeight * chroma];
    this.u.fill(146, ...rows);
    this.v.fill(112, ...rows);
  }

  /** A light disc that swings over the bars like a pendulum. */
  #disc(top, number) {
    const { width, height } = this;
    const angle = ((number % 120) * 2 * Math.PI) / 120;
    const radius = Math.max(3, Math.floor(height / 9));
    const x = (width >> 1) + Math.trunc(Math.sin(angle) * ((width >> 1) - radius - 2));
    const y = top + (height >> 2) + Math.trunc((Math.cos(angle) ** 2 * height) / 10);
    for (let row = Math.max(0, y - radius); row <= Math.min(height - 1, y + radius); row += 1) {
      const half = Math.trunc(Math.sqrt(radius ** 2 - (row - y) ** 2));
      const [from, to] = [x - half, x + half].map((edge) => Math.min(width, Math.max(0, edge)));
      const shade = Math.floor(((row - y + radius) * 40) / (2 * radius));
      if (from < to) this.#fill([from, to], [row, row + 1], [224 - shade, 124, 134]);
    }
  }

  /** The frame number for human eyes, lower left. */
  #digits(floor, number) {
    const dot = Math.max(1, Math.floor(this.height / 60));
    const left = Math.floor(this.width / 32);
    const top = floor + Math.floor(Math.max(0, this.height - floor - 5 * dot) / 2);
    [...String(number).padStart(6, "0")].forEach((digit, index) => {
      for (let bit = 0; bit < 15; bit += 1) {
        if (!(DIGITS[digit] & (1 << (14 - bit)))) continue;
        const [x, y] = [left + (index * 4 + (bit % 3)) * dot, top + Math.floor(bit / 3) * dot];
        this.#fill([x, x + dot], [y, y + dot], [220, 128, 128]);
      }
    });
  }

  /** A rectangle `[from, to)` in pixels, filled with one colour. */
  #fill([left, right], [top, bottom], [y, u, v]) {
    const { width, height, chroma, chromaHeight } = this;
    const columns = [left, right].map((x) => Math.min(x, width));
    for (let row = top; row < Math.min(bottom, height); row += 1) {
      this.y.fill(y, row * width + columns[0], row * width + columns[1]);
    }
    const [from, to] = columns.map((x) => Math.min(Math.ceil(x / 2), chroma));
    for (let row = Math.ceil(top / 2); row < Math.min(Math.ceil(bottom / 2), chromaHeight); row += 1) {
      this.u.fill(u, row * chroma + from, row * chroma + to);
      this.v.fill(v, row * chroma + from, row * chroma + to);
    }
  }
}

const part = (index, parts, length) => [edge(index, parts, length), edge(index + 1, parts, length)];
