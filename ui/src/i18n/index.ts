import { limits } from '../backend/limits';
import { en, type Entry } from './en';

export type Key = keyof typeof en;
export type Params = Record<string, string | number>;

const plurals = new Intl.PluralRules('en');

/** `text` with each `{name}` replaced by the parameter or the limit of that name; what a parameter contains stays as it is. */
export function fill(text: string, params: Params): string {
  const known: Params = { ...limits, ...params };
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(known[name] ?? whole));
}

/** The sentence of `key` with its parameters filled in, in the plural category of the number `n` where it has several. */
export function t(key: Key, params: Params = {}): string {
  const entry: Entry = en[key];
  if (typeof entry === 'string') return fill(entry, params);
  return fill(entry[plurals.select(Number(params.n))] ?? entry.other, params);
}
