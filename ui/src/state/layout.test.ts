import { describe, expect, it } from 'vitest';
import { cornerByKey, grid, inCorner, nearestCorner, overlap } from './layout';

const windows = [
  { width: 900, height: 600 },
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
  { width: 560, height: 900 },
];
const columns = (rects: { x: number; y: number }[]) => rects.filter((rect) => rect.y === rects[0]?.y).length;

describe('grid', () => {
  it('keeps every tile inside the stage and apart from the others', () => {
    for (const stage of windows) {
      for (let count = 1; count <= 16; count++) {
        const rects = grid(count, stage, 8);
        expect(rects).toHaveLength(count);
        for (const [index, rect] of rects.entries()) {
          expect(rect.x).toBeGreaterThanOrEqual(-0.001);
          expect(rect.y).toBeGreaterThanOrEqual(-0.001);
          expect(rect.x + rect.width).toBeLessThanOrEqual(stage.width + 0.001);
          expect(rect.y + rect.height).toBeLessThanOrEqual(stage.height + 0.001);
          const aspect = rect.width / rect.height;
          expect(aspect).toBeGreaterThanOrEqual(1.499);
          expect(aspect).toBeLessThanOrEqual(16 / 9 + 0.001);
          for (const other of rects.slice(index + 1)) expect(overlap(rect, other)).toBe(false);
        }
      }
    }
  });

  it('chooses the columns that make tiles largest', () => {
    const stage = { width: 1280, height: 800 };
    expect([1, 2, 3, 4, 5, 9].map((count) => columns(grid(count, stage, 8)))).toEqual([1, 2, 2, 2, 3, 3]);
    expect(columns(grid(2, { width: 560, height: 900 }, 8))).toBe(1);
  });

  it('centres the last row', () => {
    const [first, second, last] = grid(3, { width: 1280, height: 800 }, 8);
    expect(last!.x + last!.width / 2).toBeCloseTo((first!.x + second!.x + second!.width) / 2);
  });

  it('is empty without a stage', () => {
    expect(grid(3, { width: 0, height: 0 }, 8)).toEqual([]);
    expect(grid(0, windows[0]!, 8)).toEqual([]);
  });
});

describe('the small picture', () => {
  const stage = { width: 1000, height: 600 };

  it('sits in its corner, above the controls where asked', () => {
    const rect = inCorner('bottom-right', { width: 200, height: 112 }, stage, 16, 64);
    expect(rect).toEqual({ x: 784, y: 408, width: 200, height: 112 });
    expect(inCorner('top-left', { width: 200, height: 112 }, stage, 16, 64)).toMatchObject({ x: 16, y: 16 });
  });

  it('goes to the nearest corner, by hand or by key', () => {
    expect(nearestCorner(100, 500, stage)).toBe('bottom-left');
    expect(nearestCorner(900, 10, stage)).toBe('top-right');
    expect(cornerByKey('bottom-right', 'ArrowUp')).toBe('top-right');
    expect(cornerByKey('bottom-right', 'a')).toBe('bottom-right');
  });
});
