import { describe, expect, it } from 'vitest';
import { ago, characters, hueOf, initials, isName } from './format';

describe('initials', () => {
  it.each([
    ['Ana', 'A'],
    ['Ana Ruiz', 'AR'],
    ['  jean-luc  picard ', 'JP'],
    ['Øyvind Ångström', 'ØÅ'],
    ['李小龍', '李'],
    ['👩‍🚀 Moon', '👩‍🚀M'],
    ['', '?'],
  ])('%s → %s', (name, letters) => expect(initials(name)).toBe(letters));
});

describe('ago', () => {
  const now = 1_800_000_000_000;
  it.each([
    [0, 'just now'],
    [60_000, '1 minute ago'],
    [3 * 3_600_000, '3 hours ago'],
    [30 * 3_600_000, 'yesterday'],
    [72 * 3_600_000, '3 days ago'],
    [-5000, 'just now'],
  ])('%d ms', (passed, text) => expect(ago(now - passed, now)).toBe(text));
});

describe('names', () => {
  it('are 1 to 64 visible characters', () => {
    expect(isName('Ana')).toBe(true);
    expect(isName('   ')).toBe(false);
    expect(isName('a\u0007b')).toBe(false);
    expect(isName('😀'.repeat(64))).toBe(true);
    expect(isName('😀'.repeat(65))).toBe(false);
    expect(characters('😀')).toBe(1);
  });

  it('always get the same hue', () => {
    expect(hueOf('Ana')).toBe(hueOf('Ana'));
    expect(hueOf('Ana')).toBeGreaterThanOrEqual(0);
    expect(hueOf('Ana')).toBeLessThan(360);
  });
});
