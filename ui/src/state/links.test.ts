import { describe, expect, it } from 'vitest';
import { reach, linkHost, linkParts, tokenize } from './links';

describe('link parts', () => {
  it('add up to the link', () => {
    const { base, room } = linkParts('http://host:7420/r/lusab');
    expect([base, room]).toEqual(['http://host:7420/r/', 'lusab']);
    expect(linkHost('http://host:7420/r/lusab')).toBe('host:7420');
  });
});

describe('tokenize', () => {
  const text = (message: string) =>
    tokenize(message)
      .map((token) => token.text)
      .join('');
  const urls = (message: string) => tokenize(message).flatMap((token) => (token.kind === 'link' ? [token.url] : []));

  it('finds addresses and leaves the punctuation around them', () => {
    expect(urls('see https://a.example/x?y=1, (http://b.example/c_(d)) and www.c.example.')).toEqual([
      'https://a.example/x?y=1',
      'http://b.example/c_(d)',
      'https://www.c.example',
    ]);
  });

  it('loses no character', () => {
    for (const message of ['', 'a', 'http://x.example', '«http://x.example/»!', 'http://', '<b>http://x</b>', 'a\nhttp://x\nb']) {
      expect(text(message)).toBe(message);
    }
  });

  it('makes no link of other schemes', () => {
    expect(urls('javascript:alert(1) file:///etc/passwd mailto:a@b')).toEqual([]);
  });
});

describe('from where a link can be opened', () => {
  it.each([
    ['http://127.0.0.1:7420/r/a', 'computer'],
    ['http://localhost:7420/r/a', 'computer'],
    ['http://[::1]:7420/r/a', 'computer'],
    ['http://192.168.1.20:7420/r/a', 'network'],
    ['http://10.0.0.5/r/a', 'network'],
    ['http://172.16.3.4/r/a', 'network'],
    ['http://172.32.3.4/r/a', 'anywhere'],
    ['http://100.64.1.1/r/a', 'network'],
    ['http://169.254.1.1/r/a', 'network'],
    ['http://[fe80::1]/r/a', 'network'],
    ['http://[fd12:3456::1]:7420/r/a', 'network'],
    ['http://nas/r/a', 'network'],
    ['http://mayas-laptop.local:7420/r/a', 'network'],
    ['http://box.home.arpa./r/a', 'network'],
    ['https://meet.example.org/r/a', 'anywhere'],
    ['http://203.0.113.9:7420/r/a', 'anywhere'],
    ['http://[2001:db8::1]/r/a', 'anywhere'],
    ['nonsense', 'anywhere'],
  ])('%s: %s', (link, where) => expect(reach(link)).toBe(where));
});

describe('links in messages', () => {
  it('are what they look like', () => {
    const urls = (text: string) => tokenize(text).flatMap((token) => (token.kind === 'link' ? [token.url] : []));
    expect(urls('\u202ehttps://evil.example/gpj.exe\u202c')).toEqual(['https://evil.example/gpj.exe']);
    expect(urls('https://bank.example@evil.example/ https://bank.example:x@evil.example')).toEqual([]);
    expect(tokenize('a\u2066b').map(({ text }) => text)).toEqual(['ab']);
  });
});
