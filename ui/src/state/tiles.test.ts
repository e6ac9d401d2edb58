import { describe, expect, it } from 'vitest';
import { call, person, self } from './fixtures';
import { otherTiles, ownTile } from './tiles';

const video = (handle: number, event: string, refused: string | null = null) =>
  ({ handle, kind: 'video', stream: event, event, refused }) as const;

describe('tiles of the others', () => {
  const tiles = (them: ReturnType<typeof person>) => otherTiles(call({ participants: [them] }), [], {});

  it('show the camera only while it is on', () => {
    const tracks = [video(1, 'camera')];
    expect(tiles(person('ben', { tracks }))[0]).toMatchObject({ camera: true, handle: 1 });
    expect(tiles(person('ben', { tracks, media: { mic: true, cam: false } }))[0]).toMatchObject({ camera: false, handle: null });
  });

  it('go by what arrives where a peer does not say', () => {
    expect(tiles(person('ben', { media: null, tracks: [video(1, '')] }))[0]).toMatchObject({ camera: true, handle: 1, mic: null });
    expect(tiles(person('ben', { media: null }))[0]).toMatchObject({ camera: false, handle: null });
    const sound = (event: string) => tiles(person('ben', { media: null, tracks: [{ ...video(1, event), kind: 'audio' }] }))[0];
    expect([sound('camera')?.mic, sound('screen')?.mic]).toEqual([true, null]);
  });

  it('give a screen a tile of its own', () => {
    const both = tiles(person('ben', { tracks: [video(1, 'camera'), video(2, 'screen')] }));
    expect(both.map((tile) => [tile.key, tile.kind, tile.handle])).toEqual([
      ['ben/2', 'screen', 2],
      ['ben', 'person', 1],
    ]);
  });

  it('name the codec of a picture that will not come, while it would be shown', () => {
    const tracks = [video(1, 'camera', 'H264'), video(2, 'screen', 'AV1')];
    expect(tiles(person('ben', { tracks })).map((tile) => tile.refused)).toEqual(['AV1', 'H264']);
    expect(tiles(person('ben', { tracks, media: { mic: true, cam: false } }))[1]).toMatchObject({ refused: null });
  });

  it('never ring for who is muted', () => {
    const [tile] = otherTiles(call({ participants: [person('ben', { media: { mic: false, cam: true } })] }), ['ben'], {});
    expect(tile?.speaking).toBe(false);
  });
});

describe('the own tile', () => {
  it('shows the preview while the camera is on', () => {
    expect(ownTile(call(), [])).toMatchObject({ peer: 'self', handle: 0, camera: true, mic: true });
    expect(ownTile(call({ me: self({ camera: { state: 'starting' } }) }), [])).toMatchObject({ handle: null, camera: false });
  });
});
