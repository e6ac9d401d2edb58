import { describe, expect, it } from 'vitest';
import { t, pieces } from './index';
import { plain, undirected } from './plain';

describe('text of others', () => {
  it.each(['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069', '\u200e', '\u200f', '\u061c'])(
    'has no %j that turns its direction',
    (mark) => {
      expect(undirected(`a${mark}b\nc`)).toBe('ab\nc');
      expect(t('say.joined', { name: `Ann${mark} left` })).toBe('Ann left joined');
      expect(pieces('say.joined', { name: `Ann${mark}` }, 'name')[0]?.text).toBe('Ann');
    },
  );

  it('forges no line of its own in a sentence', () => {
    for (const mark of ['\r\n', '\n', '\u2028', '\u0085', '\u001b']) expect(plain(`Ann${mark}Ben left`)).toBe('Ann Ben left');
  });

  it('keeps what is written in any script', () => {
    for (const text of ['李小龍 · 開発', 'שלום עולם', 'مرحبا', '👩‍🚀 Moon', 'é']) expect(plain(text)).toBe(text);
  });
});

describe('pieces of a sentence', () => {
  it('tell the part that may be cut from the words', () => {
    expect(pieces('say.joined', { name: 'Ann {n}' }, 'name')).toEqual([
      { text: 'Ann {n}', cut: true },
      { text: ' joined', cut: false },
    ]);
    expect(pieces('say.server.back', {}, 'name')).toEqual([{ text: 'The server is back', cut: false }]);
  });
});
