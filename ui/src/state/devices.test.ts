import { describe, expect, it } from 'vitest';
import { choices } from './devices';

describe('what a picker offers', () => {
  const devices = [
    { id: 'a', name: 'Built-in' },
    { id: 'b', name: 'Headset' },
  ];

  it('begins with what the system prefers, by its name', () => {
    expect(choices(devices, 'b').map(({ id, name }) => [id, name])).toEqual([
      [null, 'Same as system (Headset)'],
      ['a', 'Built-in'],
      ['b', 'Headset'],
    ]);
    expect(choices(devices, 'gone')[0]?.name).toBe('Same as system');
  });

  it('is nothing where there is no device', () => {
    expect(choices([], 'a')).toEqual([]);
    expect(choices()).toEqual([]);
  });
});
