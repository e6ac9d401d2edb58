/** What turns the direction of text around, or marks it invisibly: with it a text can look like another one. */
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/** Text of others in several lines, without what turns its direction: each character stands where it was written. */
export function undirected(text: string): string {
  return text.replace(DIRECTION, '');
}

/** The same in one line, for a name or a title within a sentence. */
export function plain(text: string): string {
  return undirected(text).replace(CONTROLS, ' ');
}
