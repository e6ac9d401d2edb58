/**
 * The code in the test picture of `confab_media::pattern`: of 32 columns by 4 rows of cells in its upper quarter, each
 * width/32 by height/16 pixels, white for 1 and black for 0, most significant bit first. Row 0: sync word 0xB2D4 and
 * CRC-16/CCITT-FALSE of the 12 bytes that follow; row 1: frame number; rows 2 and 3: clock in ms, 64 bits.
 */
export const COLUMNS = 32;
export const CODE_ROWS = 4;
export const ROWS = 16;
const SYNC = 0xb2d4;
export const BLACK = 24;
export const WHITE = 228;
const THRESHOLD = 126;

/** Where part `index` of `parts` begins along `length` pixels. */
export const edge = (index, parts, length) => Math.floor((index * length) / parts);

/** The four rows of the code. */
export function code(number, clock) {
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
