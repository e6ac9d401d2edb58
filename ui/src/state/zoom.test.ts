import { describe, expect, it } from 'vitest';
import { zoomed, zoomKey, type ZoomChange } from './zoom';

const press = (key: string, more: Partial<KeyboardEvent> = {}) => zoomKey({ key, ctrlKey: true, altKey: false, metaKey: false, ...more });

describe('zoom', () => {
  it('has the keys of a browser', () => {
    expect(['+', '=', '-', '_', '0', 'a', 'Control'].map((key) => press(key))).toEqual(['in', 'in', 'out', 'out', 'reset', null, null]);
    expect(press('+', { ctrlKey: false, metaKey: true })).toBe('in');
    for (const more of [{ ctrlKey: false }, { altKey: true }, { metaKey: true }]) expect(press('+', more)).toBeNull();
  });

  it('goes by steps, stops at both ends and comes back', () => {
    const walk = (change: ZoomChange) => Array.from({ length: 20 }).reduce<number>((factor) => zoomed(factor, change), 1);
    expect([walk('in'), walk('out')]).toEqual([2, 0.5]);
    expect(zoomed(1, 'in')).toBe(1.1);
    expect(zoomed(1.1, 'out')).toBe(1);
    expect(zoomed(1.75, 'reset')).toBe(1);
  });
});
