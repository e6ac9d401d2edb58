import { en } from './en';

export type Key = keyof typeof en;
export type Params = Record<string, string | number>;

const TOKEN = /\{(\w+)(?:\|((?:[^{}|]|\{\w+\})*)\|((?:[^{}|]|\{\w+\})*))?\}/g;

function fill(text: string, params: Params): string {
  return text.replace(TOKEN, (whole, name: string, one?: string, many?: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    if (one === undefined || many === undefined) return String(value);
    return fill(value === 1 ? one : many, params);
  });
}

/** The sentence of `key` with its parameters filled in. */
export function t(key: Key, params: Params = {}): string {
  return fill(en[key], params);
}
