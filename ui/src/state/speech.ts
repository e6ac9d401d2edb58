import type { UiEvent } from '../backend/types';

/** Who is speaking, by level with hysteresis, so that rings neither flicker with syllables nor hang after a sentence. */

/** RMS from which one speaks, and under which one falls silent; 0 to 1 of full scale. */
const LOUD = 0.02;
const QUIET = 0.01;
/** Reports (ten a second) that must agree before the state changes. */
const REPORTS_TO_START = 2;
const REPORTS_TO_STOP = 8;

/** Id under which the backend reports the own microphone. */
export const SELF = 'self';

export interface Voice {
  speaking: boolean;
  /** Consecutive reports that contradict `speaking`. */
  against: number;
}

export type Speech = Readonly<Record<string, Voice>>;

/** The next state after one report; who is missing from it is silent. */
export function hear(speech: Speech, levels: Extract<UiEvent, { type: 'levels' }>['levels']): Speech {
  const heard = new Map(levels);
  const next: Record<string, Voice> = {};
  for (const id of new Set([...Object.keys(speech), ...heard.keys()])) {
    const voice = step(speech[id] ?? { speaking: false, against: 0 }, heard.get(id) ?? 0);
    if (voice.speaking || voice.against > 0) next[id] = voice;
  }
  return next;
}

function step(voice: Voice, level: number): Voice {
  const contradicts = voice.speaking ? level < QUIET : level >= LOUD;
  if (!contradicts) return voice.against === 0 ? voice : { ...voice, against: 0 };
  const against = voice.against + 1;
  const enough = voice.speaking ? REPORTS_TO_STOP : REPORTS_TO_START;
  return against >= enough ? { speaking: !voice.speaking, against: 0 } : { ...voice, against };
}

/** Ids of those who speak. */
export function speakers(speech: Speech): string[] {
  return Object.keys(speech).filter((id) => speech[id]?.speaking);
}
