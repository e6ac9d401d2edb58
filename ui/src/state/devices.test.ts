import { describe, expect, it } from 'vitest';
import { choices } from './devices';

describe('what a picker offers', () => {
  const devices = [
    { id: 'a', name: 'Built-in' },
    { id: 'b', name: 'Headset' },
  ];

  it('begins with what the system prefers, by its name', () => {
    expect(choices(devices, 'b')).toEqual([{ id: null, name: 'Headset', note: 'system default' }, ...devices]);
    expect(choices(devices, 'gone')[0]).toEqual({ id: null, name: 'System default' });
  });

  it('is nothing where there is no device', () => {
    expect(choices([], 'a')).toEqual([]);
    expect(choices()).toEqual([]);
  });
});
