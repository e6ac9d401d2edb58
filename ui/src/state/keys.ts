/** Keys that work anywhere in a call while nobody types. */

export type CallKey = 'mic' | 'camera' | 'share' | 'chat' | 'people' | 'copy' | 'close';

export const KEYS: Record<CallKey, string> = { mic: 'M', camera: 'V', share: 'S', chat: 'C', people: 'P', copy: 'L', close: 'Escape' };

type Pressed = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey' | 'repeat' | 'defaultPrevented'>;

/** What a key press means in a call; `typing` is true while the focus is in a text field. */
export function callKey(event: Pressed, typing: boolean): CallKey | null {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return null;
  if (event.key === KEYS.close) return 'close';
  if (typing) return null;
  const key = event.key.toUpperCase();
  return (Object.keys(KEYS) as CallKey[]).find((name) => name !== 'close' && KEYS[name] === key) ?? null;
}

/** True if `target` takes text, or letters to find something in a list. */
export function takesText(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select, [role=listbox], [aria-haspopup=listbox]'));
}
