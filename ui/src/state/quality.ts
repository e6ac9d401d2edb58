import type { PeerStats } from '../backend/types';

export type Quality = 'good' | 'fair' | 'poor';

/** How a connection feels, from its round-trip time and loss. ITU-T G.114 calls 150 ms one way fine and 400 ms not. */
export function quality(stats: Pick<PeerStats, 'rttMs' | 'loss'> | undefined): Quality {
  if (!stats) return 'good';
  const rtt = stats.rttMs ?? 0;
  if (rtt > 800 || stats.loss > 0.1) return 'poor';
  if (rtt > 300 || stats.loss > 0.03) return 'fair';
  return 'good';
}
