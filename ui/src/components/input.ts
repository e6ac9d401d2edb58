let byTab = false;

if (typeof window !== 'undefined') {
  window.addEventListener('keydown', (event) => (byTab = event.key === 'Tab'), true);
  window.addEventListener('pointerdown', () => (byTab = false), true);
}

/** True if the focus moves because of the Tab key: not by a press, nor because a program puts it somewhere. */
export function focusCameByTab(): boolean {
  return byTab;
}
