import { describe, expect, it } from 'vitest';
import { meter } from './level';

describe('a meter', () => {
  it('is empty in silence and full for a voice close by', () => {
    expect([0, -1, Number.NaN, 0.001].map(meter)).toEqual([0, 0, 0, 0]);
    expect([0.2512, 0.5, 1].map(meter)).toEqual([1, 1, 1].map((full) => expect.closeTo(full, 3)));
  });

  it('is even in decibels', () => {
    const steps = [-54, -42, -30, -18].map((decibels) => meter(10 ** (decibels / 20)));
    for (let at = 1; at < steps.length; at += 1) expect(steps[at]! - steps[at - 1]!).toBeCloseTo(0.25, 5);
  });
});
