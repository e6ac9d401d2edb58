/** How large everything is drawn, by the keys and the wheel that do it in a browser. */

/** Factors from the smallest to the largest. */
const STEPS = [0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2];
const KEPT_AS = 'zoom';

export type ZoomChange = 'in' | 'out' | 'reset';

type Pressed = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>;

/** What a key press means, also on layouts that need Shift for a plus. */
export function zoomKey({ key, ctrlKey, altKey, metaKey }: Pressed): ZoomChange | null {
  if (altKey || ctrlKey === metaKey) return null;
  if (key === '+' || key === '=') return 'in';
  if (key === '-' || key === '_') return 'out';
  return key === '0' ? 'reset' : null;
}

/** The next factor; the same at either end. */
export function zoomed(factor: number, change: ZoomChange): number {
  if (change === 'reset') return 1;
  const next = change === 'in' ? STEPS.find((step) => step > factor) : STEPS.findLast((step) => step < factor);
  return next ?? factor;
}

/** The factor of the last time. */
export function keptZoom(): number {
  try {
    const kept = Number(localStorage.getItem(KEPT_AS));
    return STEPS.includes(kept) ? kept : 1;
  } catch {
    return 1;
  }
}

/** Remembers the factor, where the web view keeps anything. */
export function keepZoom(factor: number): void {
  try {
    localStorage.setItem(KEPT_AS, String(factor));
  } catch {
    // It holds until the window closes.
  }
}
