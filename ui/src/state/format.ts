import { limits } from '../backend/limits';
import { t } from '../i18n';
import { plain } from '../i18n/plain';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });

/** Time of day. */
export function timeOfDay(at: number): string {
  return clock.format(at);
}

/** How long ago `at` was, in the coarsest unit that fits. */
export function ago(at: number, now: number): string {
  const passed = Math.max(0, now - at);
  if (passed < MINUTE) return t('time.now');
  if (passed < HOUR) return t('time.minutes', { n: Math.floor(passed / MINUTE) });
  if (passed < DAY) return t('time.hours', { n: Math.floor(passed / HOUR) });
  return t('time.days', { n: Math.floor(passed / DAY) });
}

/** True if two moments lie on one local day. */
export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** Name of a day. */
export function dayName(at: number, now: number): string {
  if (sameDay(at, now)) return t('chat.today');
  if (sameDay(at, now - DAY)) return t('chat.yesterday');
  return calendar.format(at);
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A name within a text of several lines: not longer than `most` letters. */
export function shortened(name: string, most = 28): string {
  const letters = [...segmenter.segment(plain(name))].map(({ segment }) => segment);
  return letters.length <= most ? letters.join('') : `${letters.slice(0, most - 1).join('').trimEnd()}…`;
}

/** One or two letters that stand for a name: first of the first and of the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s_-]+/u).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  const letters = ends.map((word) => [...segmenter.segment(word ?? '')][0]?.segment ?? '');
  return letters.join('').toUpperCase() || '?';
}

/** A hue from 0 to 359 that a name always gets: FNV-1a over its code points, spread by the golden angle. */
export function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return Math.round((hash % 64) * 137.508) % 360;
}

/** Number of characters as the backend counts them: code points. */
export function characters(text: string): number {
  return [...text].length;
}

/** True if `name` may be a display name: neither empty nor too long, one character visible, none a control character. */
export function isName(name: string): boolean {
  return name.trim() !== '' && characters(name.trim()) <= limits.nameChars && !/\p{Cc}/u.test(name.trim());
}
