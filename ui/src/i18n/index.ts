import { limits } from '../backend/limits';
import { en, type Entry } from './en';
import { plain } from './plain';

export type Key = keyof typeof en;
export type Params = Record<string, string | number>;

const plurals = new Intl.PluralRules('en');

/** `text` with each `{name}` replaced by the parameter or the limit of that name; what a parameter contains is text, in one line. */
export function fill(text: string, params: Params): string {
  const known: Params = { ...limits, ...params };
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => plain(String(known[name] ?? whole)));
}

/** The sentence of `key` with its parameters filled in, in the plural category of the number `n` where it has several. */
export function t(key: Key, params: Params = {}): string {
  return fill(template(key, params), params);
}

function template(key: Key, params: Params): string {
  const entry: Entry = en[key];
  return typeof entry === 'string' ? entry : (entry[plurals.select(Number(params.n))] ?? entry.other);
}

/** A part of a sentence: words, or a name that is cut first where room is short. */
export interface Piece {
  text: string;
  cut: boolean;
}

/** The sentence of `key` in its parts; the parameter that may be cut is `cut`. */
export function pieces(key: Key, params: Params, cut: string): Piece[] {
  return template(key, params)
    .split(new RegExp(`(\\{${cut}\\})`))
    .filter(Boolean)
    .map((text) => ({ text: fill(text, params), cut: text === `{${cut}}` }));
}
