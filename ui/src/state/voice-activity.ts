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

const SILENT: Voice = { speaking: false, against: 0 };

export type Voices = Readonly<Record<string, Voice>>;

/** The next state after one report, `voices` itself if nothing changed; who is missing from it is silent. */
export function updateVoices(voices: Voices, levels: Extract<UiEvent, { type: 'levels' }>['levels']): Voices {
  const heard = new Map(levels);
  const next: Record<string, Voice> = {};
  let changed = false;
  for (const id of new Set([...Object.keys(voices), ...heard.keys()])) {
    const before = voices[id] ?? SILENT;
    const voice = step(before, heard.get(id) ?? 0);
    changed ||= voice !== before;
    if (voice.speaking || voice.against > 0) next[id] = voice;
  }
  return changed ? next : voices;
}

function step(voice: Voice, level: number): Voice {
  const contradicts = voice.speaking ? level < QUIET : level >= LOUD;
  if (!contradicts) return voice.against === 0 ? voice : { ...voice, against: 0 };
  const against = voice.against + 1;
  const enough = voice.speaking ? REPORTS_TO_STOP : REPORTS_TO_START;
  return against >= enough ? { speaking: !voice.speaking, against: 0 } : { ...voice, against };
}

/** Ids of those who speak; `before` itself if they are the same, so that nothing is drawn anew. */
export function speakingIds(voices: Voices, before: readonly string[] = []): readonly string[] {
  const now = Object.keys(voices).filter((id) => voices[id]?.speaking);
  return now.length === before.length && now.every((id) => before.includes(id)) ? before : now;
}
