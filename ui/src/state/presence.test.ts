import { describe, expect, it } from 'vitest';
import type { UiEvent } from '../backend/types';
import { call, message, person, snapshot } from './fixtures';
import { initial, type Action, type AppState } from './model';
import { AWAITED_FOR, awaitedFor } from './presence';
import { reduce } from './reducer';

const START = 1_000_000;
const at = (state: AppState, ...steps: [passed: number, action: Action][]) => steps.reduce((next, [passed, action]) => reduce(next, action, START + passed), state);
const inCall = (view = call({ participants: [person('ben'), person('eve')] })) => at(initial, [0, { type: 'snapshot', snapshot: snapshot(view) }]);
const said = (state: AppState) => state.announcements.map(({ key, params }) => [key, params.name].filter(Boolean).join(' '));
const lost: UiEvent = { type: 'call-state', state: 'server-lost' };
const back: UiEvent = { type: 'call-state', state: 'in-call' };
const gone = (id: string): UiEvent => ({ type: 'peer-disconnect', id });
const here = (id: string, name = id.toUpperCase()): UiEvent => ({ type: 'peer-connect', participant: person(id, { name }) });

describe('a restart of the server', () => {
  it.each([
    ['they go while it is away', [[1, lost], [2, gone('ben')], [3, back], [4, here('ben2', 'BEN')]]],
    ['they go when it is back', [[1, lost], [3, back], [4, gone('ben')], [5, here('ben2', 'BEN')]]],
    ['they are there twice for a moment', [[1, lost], [3, back], [4, here('ben2', 'BEN')], [5, gone('ben')]]],
  ] as [string, [number, Action][]][])('is no leaving and joining: %s', (_, steps) => {
    const state = at(inCall(), ...steps);
    expect(said(state)).toEqual(['say.in', 'say.server.lost', 'say.server.back']);
    expect(state.awaited).toEqual([]);
    expect(state.call?.participants.map(({ name }) => name).toSorted()).toEqual(['BEN', 'EVE']);
  });

  it('says who does not come back, once the time is over', () => {
    const away = at(inCall(), [1, lost], [2, gone('ben')]);
    expect(awaitedFor(away, START + 2)).toBeNull();
    const state = at(away, [3, back]);
    expect(awaitedFor(state, START + 3)).toBe(AWAITED_FOR);
    expect(said(at(state, [AWAITED_FOR, { type: 'ui-awaited-over' }])).at(-1)).toBe('say.left BEN');
  });

  it('hides nobody who is new, and nobody who goes later', () => {
    const state = at(inCall(), [1, lost], [3, back], [4, here('kim')], [AWAITED_FOR + 10, gone('eve')]);
    expect(said(state).slice(3)).toEqual(['say.joined KIM', 'say.left EVE']);
  });
});

describe('whether somebody was here', () => {
  it('is known from people and from what they wrote', () => {
    expect(inCall(call()).met).toBe(false);
    expect(inCall().met).toBe(true);
    expect(at(inCall(call()), [1, here('ben')], [2, gone('ben')]).met).toBe(true);
    expect(inCall(call({ chat: [message('1', 1)] })).met).toBe(true);
    expect(inCall(call({ participants: [person('ben', { state: 'connecting' })] })).met).toBe(false);
    expect(at(inCall(), [1, { type: 'call-state', state: 'idle' }]).met).toBe(false);
  });
});
