import { describe, expect, it } from 'vitest';
import { hear, speakers, type Speech } from './speech';

const after = (reports: number[], start: Speech = {}) =>
  reports.reduce<Speech>((speech, level) => hear(speech, level < 0 ? [] : [['a', level]]), start);

describe('hear', () => {
  it('needs two loud reports to start', () => {
    expect(speakers(after([0.1]))).toEqual([]);
    expect(speakers(after([0.1, 0, 0.1]))).toEqual([]);
    expect(speakers(after([0.1, 0.1]))).toEqual(['a']);
  });

  it('bridges pauses between words and ends after 0.8 s of silence', () => {
    const speaking = after([0.1, 0.1]);
    expect(speakers(after([0, 0, 0, 0.1, 0, 0, 0, 0, 0], speaking))).toEqual(['a']);
    expect(speakers(after(Array(8).fill(0), speaking))).toEqual([]);
  });

  it('gives the same object back while nothing changes, so that nothing is drawn anew', () => {
    const speaking = after([0.1, 0.1]);
    expect(after([0.1, 0.2], speaking)).toBe(speaking);
    const names = speakers(speaking);
    expect(speakers(after([0], speaking), names)).toBe(names);
  });

  it('counts who is not reported as silent, and forgets them', () => {
    expect(after(Array(8).fill(-1), after([0.1, 0.1]))).toEqual({});
  });

  it('holds between the two thresholds', () => {
    expect(speakers(after(Array(20).fill(0.015), after([0.1, 0.1])))).toEqual(['a']);
    expect(speakers(after(Array(20).fill(0.015)))).toEqual([]);
  });
});
