/** Durations for Svelte's transitions: the tokens of tokens.css, so that reduced motion holds there too. */
function token(name: string): number {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = parseFloat(text) || 0;
  return text.endsWith('ms') ? number : number * 1000;
}

/** Milliseconds of something that appears or moves. */
export const calm = (): number => token('--calm');
/** Milliseconds of something that answers a press. */
export const quick = (): number => token('--quick');
