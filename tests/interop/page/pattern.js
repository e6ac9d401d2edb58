/**
 * The test picture of `confab_media::pattern`: a code of 32 columns by 4 rows of cells in its upper quarter, each
 * width/32 by height/16 pixels, white for 1 and black for 0, most significant bit first. Row 0: sync word 0xB2D4 and
 * CRC-16/CCITT-FALSE of the 12 bytes that follow; row 1: frame number; rows 2 and 3: clock in ms, 64 bits.
 */
const COLUMNS = 32;
const CODE_ROWS = 4;
const ROWS = 16;
const SYNC = 0xb2d4;
/** As RGB what luma 24 and 228 of limited range are. */
const BLACK = "#090909";
const WHITE = "#f7f7f7";
const THRESHOLD = 126;

const edge = (index, parts, length) => Math.floor((index * length) / parts);

function code(number, clock) {
  const bytes = new DataView(new ArrayBuffer(12));
  bytes.setUint32(0, number);
  bytes.setBigUint64(4, BigInt(clock));
  let crc = 0xffff;
  for (let at = 0; at < 12; at += 1) {
    crc ^= bytes.getUint8(at) << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return [((SYNC << 16) | crc) >>> 0, bytes.getUint32(0), bytes.getUint32(4), bytes.getUint32(8)];
}

/** Draws frame `number` at `clock` (ms) over the whole canvas. */
export function draw(context, number, clock) {
  const { width, height } = context.canvas;
  const hue = (number * 3) % 360;
  context.fillStyle = `hsl(${hue} 45% 45%)`;
  context.fillRect(0, height / 4, width, (3 * height) / 4);
  context.fillStyle = "#fff";
  context.beginPath();
  context.arc(width / 2 + (width / 3) * Math.sin(number / 20), height * 0.6, height / 9, 0, 2 * Math.PI);
  context.fill();
  context.font = `${Math.round(height / 8)}px monospace`;
  context.fillText(String(number), width / 32, height * 0.95);
  code(number, clock).forEach((bits, row) => {
    const [top, bottom] = [edge(row, ROWS, height), edge(row + 1, ROWS, height)];
    for (let column = 0; column < COLUMNS; column += 1) {
      const [left, right] = [edge(column, COLUMNS, width), edge(column + 1, COLUMNS, width)];
      context.fillStyle = (bits >>> (COLUMNS - 1 - column)) & 1 ? WHITE : BLACK;
      context.fillRect(left, top, right - left, bottom - top);
    }
  });
}

/**
 * Reads the code out of `luma(x, y)` of a picture. Null if there is none or it is damaged.
 * Looks at the middle half of each cell: edges are where scaling and coding smear.
 */
export function read(width, height, luma) {
  const inner = (index, parts, length) => {
    const [from, to] = [edge(index, parts, length), edge(index + 1, parts, length)];
    const margin = Math.floor((to - from) / 4);
    return [from + margin, to - margin];
  };
  const rows = [];
  for (let row = 0; row < CODE_ROWS; row += 1) {
    const [top, bottom] = inner(row, ROWS, height);
    let bits = 0;
    for (let column = 0; column < COLUMNS; column += 1) {
      const [left, right] = inner(column, COLUMNS, width);
      let sum = 0;
      for (let y = top; y < bottom; y += 1) for (let x = left; x < right; x += 1) sum += luma(x, y);
      const mean = sum / Math.max(1, (bottom - top) * (right - left));
      bits = ((bits << 1) | (mean >= THRESHOLD ? 1 : 0)) >>> 0;
    }
    rows.push(bits);
  }
  const clock = Number((BigInt(rows[2]) << 32n) | BigInt(rows[3]));
  return code(rows[1], clock).every((bits, row) => bits === rows[row]) ? { number: rows[1], clock } : null;
}
