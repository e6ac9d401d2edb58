import { describe, expect, it } from 'vitest';
import { insideSentence } from './lobby';

describe('who is inside', () => {
  it.each([
    [0, [], 'Nobody is in this call yet'],
    [1, ['Ben'], 'Ben is in this call'],
    [2, ['Ben', 'Cy'], 'Ben and Cy are in this call'],
    [3, ['Ben', 'Cy', 'Dee'], 'Ben, Cy and 1 other are in this call'],
    [9, ['Ben', 'Cy'], 'Ben, Cy and 7 others are in this call'],
    [1, [], '1 person is in this call'],
    [4, ['Ben'], '4 people are in this call'],
  ])('%i people, of whom %j are named', (count, names, sentence) => {
    expect(insideSentence({ count, names })).toBe(sentence);
  });
});
