/** Action: text that is cut off has its whole self in a tooltip; text that fits has none. */
export function whole(node: HTMLElement): { destroy(): void } {
  const look = () => {
    const text = node.textContent?.trim() ?? '';
    if (text && (node.scrollWidth > node.clientWidth || node.scrollHeight > node.clientHeight + 1)) node.title = text;
    else node.removeAttribute('title');
  };
  node.addEventListener('pointerenter', look);
  return { destroy: () => node.removeEventListener('pointerenter', look) };
}
