/** Where tiles go. Pure geometry in CSS pixels, origin at the top left of the stage. */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Size {
  width: number;
  height: number;
}

/** What cameras send. */
const PICTURE = 16 / 9;
/** The narrowest a tile may become to fill the window; 16:9 loses a sixth of its width there. */
const NARROWEST = 3 / 2;

/** A layout with more columns wins if its tiles are at least this large a share of the largest: faces side by side. */
const NEARLY = 0.86;

/**
 * Rectangles of `count` tiles: the number of columns that makes tiles largest, the last row centred, everything centred.
 * Tiles are 16:9, stretched towards the free height as far as {@link NARROWEST}.
 */
export function grid(count: number, stage: Size, gap: number): Rect[] {
  if (count < 1 || stage.width <= 0 || stage.height <= 0) return [];
  const sizes = Array.from({ length: count }, (_, index) => tileSize(index + 1, Math.ceil(count / (index + 1)), stage, gap));
  const largest = Math.max(...sizes.map(area));
  const columns = sizes.findLastIndex((size) => area(size) >= largest * NEARLY) + 1;
  const tile = sizes[columns - 1];
  if (!tile) return [];
  const { width, height } = tile;
  const rows = Math.ceil(count / columns);
  const top = (stage.height - rows * height - gap * (rows - 1)) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (stage.width - inRow * width - gap * (inRow - 1)) / 2;
    return {
      x: left + (index - row * columns) * (width + gap),
      y: top + row * (height + gap),
      width,
      height,
    };
  });
}

/** Share of the stage that a filmstrip takes, and the narrowest and widest of its tiles in pixels. */
const STRIP = 0.19;
const STRIP_LEAST = 148;
const STRIP_MOST = 260;
/** A stage narrower than this, as width over height, has its filmstrip above rather than beside. */
const WIDE = 1.2;

/**
 * One tile as large as it can be, the first, and the others small in a filmstrip: beside it, or above it on a narrow
 * stage. A strip that is too long for full tiles makes them smaller; none is left out.
 */
export function focus(count: number, stage: Size, gap: number): Rect[] {
  if (count < 1 || stage.width <= 0 || stage.height <= 0) return [];
  const whole = { x: 0, y: 0, ...stage };
  if (count === 1) return [whole];
  const others = count - 1;
  if (stage.width / stage.height < WIDE) {
    const fitting = (stage.width - gap * (others - 1)) / others;
    const width = Math.min(STRIP_LEAST, fitting);
    const height = width / PICTURE;
    const left = (stage.width - others * width - gap * (others - 1)) / 2;
    const strip = Array.from({ length: others }, (_, index) => ({ x: left + index * (width + gap), y: 0, width, height }));
    return [{ x: 0, y: height + gap, width: stage.width, height: stage.height - height - gap }, ...strip];
  }
  const fitting = (stage.height - gap * (others - 1)) / others;
  const width = Math.min(Math.min(STRIP_MOST, Math.max(STRIP_LEAST, stage.width * STRIP)), fitting * PICTURE);
  const height = width / PICTURE;
  const left = stage.width - width;
  const top = (stage.height - others * height - gap * (others - 1)) / 2;
  const strip = Array.from({ length: others }, (_, index) => ({ x: left, y: top + index * (height + gap), width, height }));
  return [{ x: 0, y: 0, width: left - gap, height: stage.height }, ...strip];
}

/** Size of the tiles in a grid of `columns` by `rows`. */
function tileSize(columns: number, rows: number, stage: Size, gap: number): Size {
  const width = (stage.width - gap * (columns - 1)) / columns;
  const height = (stage.height - gap * (rows - 1)) / rows;
  const fitted = Math.max(0, Math.min(width, height * PICTURE));
  return { width: fitted, height: Math.min(height, fitted / NARROWEST) };
}

function area(size: Size): number {
  return size.width * size.height;
}

export type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

/** Size of the small own picture in a call of two: a fifth of the stage, within bounds, and never more than a third. */
export function smallSize(stage: Size): Size {
  const width = Math.round(Math.min(280, Math.max(168, stage.width * 0.2), stage.width / 3));
  return { width, height: Math.round(width / PICTURE) };
}

/** The small picture in a corner of the stage; `lift` keeps the lower corners above the controls. */
export function inCorner(corner: Corner, size: Size, stage: Size, inset: number, lift: number): Rect {
  const [vertical, horizontal] = corner.split('-');
  return {
    x: horizontal === 'left' ? inset : stage.width - size.width - inset,
    y: vertical === 'top' ? inset : stage.height - size.height - inset - lift,
    ...size,
  };
}

/** The corner that a picture dropped at `x`, `y` (its own centre) belongs to. */
export function nearestCorner(x: number, y: number, stage: Size): Corner {
  const vertical = y < stage.height / 2 ? 'top' : 'bottom';
  const horizontal = x < stage.width / 2 ? 'left' : 'right';
  return `${vertical}-${horizontal}`;
}

/** The corner that an arrow key leads to. */
export function cornerByKey(corner: Corner, key: string): Corner {
  const [vertical, horizontal] = corner.split('-') as ['top' | 'bottom', 'left' | 'right'];
  switch (key) {
    case 'ArrowUp':
      return `top-${horizontal}`;
    case 'ArrowDown':
      return `bottom-${horizontal}`;
    case 'ArrowLeft':
      return `${vertical}-left`;
    case 'ArrowRight':
      return `${vertical}-right`;
    default:
      return corner;
  }
}

/** True if two rectangles share an area. */
export function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
