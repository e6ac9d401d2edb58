import { tick } from 'svelte';
import { takesText } from '../state/keys';
import { zoomKey, type ZoomChange } from '../state/zoom';

/** What a window of a program does, and a page in a browser does not. Each returns what undoes it. */

/** No menu of the web view (Back, Reload), but where there is text to copy or to paste into. */
export function noPageMenu(): () => void {
  const menu = (event: MouseEvent) => {
    const target = event.target instanceof Element ? event.target : null;
    if (takesText(target) && !target?.matches('[aria-haspopup]')) return;
    const selection = getSelection();
    const copies = target && !target.closest('a') && selection && !selection.isCollapsed && selection.containsNode(target, true);
    if (!copies || !target.closest('.selectable')) event.preventDefault();
  };
  addEventListener('contextmenu', menu);
  return () => removeEventListener('contextmenu', menu);
}

/** Keys and wheel that draw everything larger or smaller. */
export function zooming(zoom: (change: ZoomChange) => void): () => void {
  const key = (event: KeyboardEvent) => {
    const change = zoomKey(event);
    if (!change) return;
    event.preventDefault();
    zoom(change);
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    if (event.deltaY !== 0) zoom(event.deltaY < 0 ? 'in' : 'out');
  };
  addEventListener('keydown', key);
  addEventListener('wheel', wheel, { passive: false });
  return () => {
    removeEventListener('keydown', key);
    removeEventListener('wheel', wheel);
  };
}

/** Where the focus goes if what had it is gone: the dialog that is open, else what fills the window. */
function landing(): HTMLElement | null {
  return document.querySelector<HTMLElement>('[role=dialog], [role=alertdialog]') ?? document.querySelector<HTMLElement>('main');
}

/** Whoever had the focus on something that goes away keeps a place: with the page itself no key would do anything. */
export function keepFocus(): () => void {
  let last: Element | null = null;
  const focused = (event: FocusEvent) => (last = event.target instanceof Element ? event.target : null);
  const look = async () => {
    if (!last || last.isConnected || document.activeElement !== document.body) return;
    last = null;
    // A view that comes in its place may want it elsewhere.
    await tick();
    if (document.activeElement === document.body) landing()?.focus({ preventScroll: true });
  };
  const observer = new MutationObserver(() => void look());
  observer.observe(document.body, { childList: true, subtree: true });
  addEventListener('focusin', focused);
  return () => {
    observer.disconnect();
    removeEventListener('focusin', focused);
  };
}

/** After a change of what fills the window the focus is in it. */
export async function focusView(): Promise<void> {
  await tick();
  if (document.activeElement === null || document.activeElement === document.body) landing()?.focus({ preventScroll: true });
}
