import { describe, expect, it } from 'vitest';
import type { ShareView } from '../backend/types';
import { shareSentence } from './share';

const share: ShareView = { title: 'Inbox', capture: { state: 'on' }, paused: false, sound: false };

describe('the sentence of a share', () => {
  it('says what is shared, and whether with sound', () => {
    expect(shareSentence(share)).toBe('You’re sharing Inbox');
    expect(shareSentence({ ...share, sound: true })).toBe('You’re sharing Inbox and the computer’s sound');
  });

  it('says first what the others do not see', () => {
    expect(shareSentence({ ...share, capture: { state: 'starting' } })).toBe('Starting to share Inbox…');
    expect(shareSentence({ ...share, paused: true, sound: true })).toContain('minimized');
  });
});
