import { describe, expect, it } from 'vitest';
import { errorText } from './errors';

describe('an error', () => {
  it('has the sentence of its code, with its parameters and limits', () => {
    expect(errorText({ code: 'bad-volume' })).toBe('A volume goes from 0 to 400 percent.');
    expect(errorText({ code: 'peer-unreachable', params: { name: 'Ben' } })).toBe(
      'There is no connection to Ben: the networks between you don’t let it through. Try another network; who runs the server can help, too.',
    );
  });

  it('has that of its reason where there is one that is known', () => {
    const params = { reason: 'microphone-unplugged', previous: 'USB', device: 'Built-in' };
    expect(errorText({ code: 'device-changed', params })).toBe('USB was unplugged. Others hear you through Built-in now.');
    expect(errorText({ code: 'join-refused', params: { reason: 'server-message', message: 'Not on {name}.' } })).toBe('Not on {name}.');
    expect(errorText({ code: 'room-full', params: { reason: 'toString' } })).toBe('This call is full. Try again when someone has left.');
  });

  it('speaks of the others only in a call', () => {
    expect(errorText({ code: 'camera-missing' })).toBe('No camera found. Connect one, then turn the camera on. Others still hear you.');
    expect(errorText({ code: 'camera-missing', outsideCall: true })).toBe('No camera found. Connect one to be seen; you can join without.');
    expect(errorText({ code: 'room-full', outsideCall: true })).toBe('This call is full. Try again when someone has left.');
  });
});
