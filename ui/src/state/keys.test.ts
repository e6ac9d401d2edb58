import { describe, expect, it } from 'vitest';
import { callKey } from './keys';

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  defaultPrevented: false,
  ...more,
});

describe('callKey', () => {
  it('knows its keys in both cases', () => {
    expect(callKey(press('m'), false)).toBe('mic');
    expect(callKey(press('V'), false)).toBe('camera');
    expect(callKey(press('x'), false)).toBeNull();
  });

  it('leaves letters alone while someone types, but not Escape', () => {
    expect(callKey(press('m'), true)).toBeNull();
    expect(callKey(press('Escape'), true)).toBe('close');
  });

  it('leaves shortcuts of the system, repeats and handled keys alone', () => {
    for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { repeat: true }, { defaultPrevented: true }]) {
      expect(callKey(press('c', more), false)).toBeNull();
    }
  });
});
