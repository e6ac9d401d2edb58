/** Loudness for the eye. */

/** What a meter begins and ends with, in dBFS: a quiet room, and a voice close by. */
const LEAST = -60;
const MOST = -12;

/** How far a meter goes for an RMS level of 0 to 1: 0 to 1, even in decibels. */
export function meter(level: number): number {
  if (!(level > 0)) return 0;
  const decibels = 20 * Math.log10(level);
  return Math.min(1, Math.max(0, (decibels - LEAST) / (MOST - LEAST)));
}
