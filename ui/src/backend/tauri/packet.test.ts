import { describe, expect, it } from 'vitest';
import { Clock, parsePacket } from './packet';

/** The message of crates/ipc/src/frame.rs's own test. */
const bytes = (...values: number[]) => new Uint8Array(values).buffer;
const HEADER = [1, 1, 1, 0, 7, 0, 0, 0, 4, 3, 2, 1, 0x80, 2, 0x68, 1];

describe('parsePacket', () => {
  it('reads what the backend writes', () => {
    const packet = parsePacket(bytes(...HEADER, 120, 121, 122));
    expect(packet).toMatchObject({ handle: 7, codec: 'vp9', key: true, timestamp: 0x01020304, width: 640, height: 360 });
    expect([...(packet?.data ?? [])]).toEqual([120, 121, 122]);
  });

  it('takes the size of a VP8 key frame from its bitstream', () => {
    const vp8 = [1, 1, 0, 0, ...HEADER.slice(4)];
    const key = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x40];
    expect(parsePacket(bytes(...vp8, ...key))).toMatchObject({ width: 320, height: 180 });
    expect(parsePacket(bytes(...vp8, 0x10, 0, 0))).toMatchObject({ width: 640, height: 360 });
  });

  it('refuses what is no frame', () => {
    expect(parsePacket(bytes())).toBeNull();
    expect(parsePacket(bytes(...HEADER))).toBeNull();
    expect(parsePacket(bytes(2, ...HEADER.slice(1), 1))).toBeNull();
    expect(parsePacket(bytes(1, 1, 9, ...HEADER.slice(3), 1))).toBeNull();
  });
});

describe('Clock', () => {
  it('counts microseconds across the wrap, backwards too', () => {
    const clock = new Clock();
    expect(clock.microseconds(0xffffffff - 899)).toBe(0);
    expect(clock.microseconds(0)).toBe(10_000);
    expect(clock.microseconds(900)).toBe(20_000);
    expect(clock.microseconds(0)).toBe(10_000);
  });
});
