/** For a dialog's `onInteractOutside`: a notice lies above the dialog, and a press on it leaves the dialog open. */
export function keepForNotice(event: Event): void {
  if (event.target instanceof Element && event.target.closest('[data-testid=notice]')) event.preventDefault();
}
