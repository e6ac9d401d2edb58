import { describe, expect, it } from 'vitest';
import { speakingIds, updateVoices, type Voices } from './voice-activity';

const after = (reports: number[], start: Voices = {}) =>
  reports.reduce<Voices>((voices, level) => updateVoices(voices, level < 0 ? [] : [['a', level]]), start);

describe('voice activity', () => {
  it('needs two loud reports to start', () => {
    expect(speakingIds(after([0.1]))).toEqual([]);
    expect(speakingIds(after([0.1, 0, 0.1]))).toEqual([]);
    expect(speakingIds(after([0.1, 0.1]))).toEqual(['a']);
  });

  it('bridges pauses between words and ends after 0.8 s of silence', () => {
    const speaking = after([0.1, 0.1]);
    expect(speakingIds(after([0, 0, 0, 0.1, 0, 0, 0, 0, 0], speaking))).toEqual(['a']);
    expect(speakingIds(after(Array(8).fill(0), speaking))).toEqual([]);
  });

  it('gives the same object back while nothing changes, so that nothing is drawn anew', () => {
    const speaking = after([0.1, 0.1]);
    expect(after([0.1, 0.2], speaking)).toBe(speaking);
    const names = speakingIds(speaking);
    expect(speakingIds(after([0], speaking), names)).toBe(names);
  });

  it('counts who is not reported as silent, and forgets them', () => {
    expect(after(Array(8).fill(-1), after([0.1, 0.1]))).toEqual({});
  });

  it('holds between the two thresholds', () => {
    expect(speakingIds(after(Array(20).fill(0.015), after([0.1, 0.1])))).toEqual(['a']);
    expect(speakingIds(after(Array(20).fill(0.015)))).toEqual([]);
  });
});
