import { undirected } from '../i18n/plain';

/** Links in text: the parts of a room link, and which parts of a message can be clicked. What is a room link says the backend. */

/** Host and room of a link, for showing; a link of an unknown form is shown whole. */
export function linkParts(link: string): { base: string; room: string } {
  const at = link.lastIndexOf('/r/');
  return at < 0 ? { base: '', room: link } : { base: link.slice(0, at + 3), room: link.slice(at + 3) };
}

/** Host of a link, without scheme and path. */
export function linkHost(link: string): string {
  return linkParts(link).base.replace(/^[a-z]+:\/\//i, '').replace(/\/r\/$/, '');
}

/** From where a link can be opened: this computer, the network it is in, or wherever there is internet. */
export type Reach = 'computer' | 'network' | 'anywhere';

/** Addresses that only a computer of the same network reaches: RFC 1918, 3927, 4193, 4291, 6598, and names without a domain. */
const OWN_NETWORK = [
  /^(?:10|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.[\d.]+$/,
  /^\[(?:f[cd]|fe[89ab])[\da-f]*:/,
  /\.(?:local|lan|home|internal|localdomain|home\.arpa)$/,
  /^[^.:]+$/,
];

/** From where the server of a link can be reached, as far as its address says. */
export function reach(link: string): Reach {
  let host: string;
  try {
    host = new URL(link).hostname.toLowerCase().replace(/\.$/, '');
  } catch {
    return 'anywhere';
  }
  if (host === 'localhost' || host.endsWith('.localhost') || /^(?:127\.[\d.]+|\[::1\]|0\.0\.0\.0)$/.test(host)) return 'computer';
  return OWN_NETWORK.some((address) => address.test(host)) ? 'network' : 'anywhere';
}

export type Token = { kind: 'text'; text: string } | { kind: 'link'; text: string; url: string };

const WEB = /\b(?:https?:\/\/|www\.)[^\s<>"]+/gi;
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?'»”’…]+$/;

/** Splits a message into text and web addresses; nothing of it is ever parsed as HTML, or turned around. */
export function tokenize(written: string): Token[] {
  const message = undirected(written);
  const tokens: Token[] = [];
  let end = 0;
  for (const match of message.matchAll(WEB)) {
    const text = trimAddress(match[0]);
    const url = /^www\./i.test(text) ? `https://${text}` : text;
    if (!isHonest(url)) continue;
    if (match.index > end) tokens.push({ kind: 'text', text: message.slice(end, match.index) });
    tokens.push({ kind: 'link', text, url });
    end = match.index + text.length;
  }
  if (end < message.length) tokens.push({ kind: 'text', text: message.slice(end) });
  return tokens;
}

/** An address whose host is what it begins with: a name before an `@` would be taken for it. */
function isHonest(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { username, password } = new URL(address);
  return username === '' && password === '';
}

function trimAddress(address: string): string {
  let text = address.replace(TRAILING, '');
  // A closing bracket belongs to the address only if its opening one does: "(see http://host/a_(b))".
  while (/[)\]]$/.test(text) && count(text, /[([]/g) < count(text, /[)\]]/g)) {
    text = text.slice(0, -1).replace(TRAILING, '');
  }
  return text;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
