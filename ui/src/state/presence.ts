import type { Participant } from '../backend/types';
import { announce } from './announce';
import type { AppState } from './model';

/**
 * Who came and who went, in sentences. After an outage of the server people are in the room under new ids: they neither
 * left nor joined.
 */

/** How long after the server is back somebody who went with it is expected again, in milliseconds. */
export const AWAITED_FOR = 20_000;

/** True while ids may change because the server is away, or was away a moment ago. */
function restarting(state: AppState, now: number): boolean {
  return state.callState === 'server-lost' || (state.serverBackAt !== null && now - state.serverBackAt < AWAITED_FOR);
}

/** Says that somebody who was not connected before is. `state` has them already. */
export function came(state: AppState, { id, name }: Participant, now: number): AppState {
  const next = { ...state, met: true };
  if (state.before.includes(id)) return announce(next, now, 'say.here', { name });
  if (restarting(state, now)) {
    const index = state.awaited.findIndex((gone) => gone.name === name);
    if (index >= 0) return { ...next, awaited: state.awaited.toSpliced(index, 1) };
    if (state.call?.participants.some((them) => them.id !== id && them.name === name)) return next;
  }
  return announce(next, now, 'say.joined', { name }, { visible: true });
}

/** Says that somebody who was connected is gone. `state` is without them already. */
export function went(state: AppState, { name }: Participant, now: number): AppState {
  if (!restarting(state, now)) return announce(state, now, 'say.left', { name }, { visible: true });
  if (state.call?.participants.some((them) => them.name === name)) return state;
  return { ...state, awaited: [...state.awaited, { name, at: now }] };
}

/** Milliseconds until those who are still awaited are to be given up; null while nobody is, or the server is away. */
export function awaitedFor(state: AppState, now: number): number | null {
  if (state.awaited.length === 0 || state.callState === 'server-lost') return null;
  return Math.max(0, (state.serverBackAt ?? now) + AWAITED_FOR - now);
}

/** Those who were awaited do not come: they left. */
export function giveUpAwaited(state: AppState, now: number): AppState {
  const left = state.awaited.reduce((next, { name }) => announce(next, now, 'say.left', { name }, { visible: true }), state);
  return { ...left, awaited: [] };
}
