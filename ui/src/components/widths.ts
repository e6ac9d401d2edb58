import { innerHeight, innerWidth } from 'svelte/reactivity/window';

/** How much room the window has. The same widths are in the components' media queries. */

/** From this width on a panel has its place beside the stage; under it, in its place. In CSS pixels. */
const BESIDE = 900;
/** Under this width the controls that one seldom needs are in a menu. */
const COMPACT = 480;
/** Under this width what stands side by side in a dialog stands one above the other. */
const SMALL = 600;
/** Under this height the controls do not float: they would lie on faces. */
const LOW = 560;

/** Stage and panel do not fit side by side. */
export const isNarrow = (): boolean => (innerWidth.current ?? BESIDE) < BESIDE;
/** Not all controls fit in a row. */
export const isCompact = (): boolean => (innerWidth.current ?? BESIDE) < COMPACT;
/** A dialog fills the window. */
export const isSmall = (): boolean => (innerWidth.current ?? BESIDE) < SMALL;
/** The controls have a row of their own. */
export const isDocked = (): boolean => isNarrow() || (innerHeight.current ?? LOW) < LOW;
