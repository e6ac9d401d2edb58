import { limits } from '../backend/limits';
import type { CallView, DeviceState, Participant, PeerState, PeerStats, TrackView } from '../backend/types';
import { quality, type Quality } from './quality';
import { SELF } from './voice-activity';

export type TileState = PeerState;

/** What one tile shows. */
export interface TileView {
  /** Stable over the life of the tile. */
  key: string;
  /** Peer id, or `self`. */
  peer: string;
  kind: 'person' | 'screen';
  name: string;
  state: TileState;
  /** Null while the other has not said. */
  mic: boolean | null;
  camera: boolean;
  /** Track on the media socket; null if there is nothing to show. */
  handle: number | null;
  /** Name of the codec in which the track would come, if it can't be received: there will be no picture. */
  refused: string | null;
  speaking: boolean;
  /** The one who speaks, of all who make a sound. */
  active: boolean;
  /** Muted by oneself, for oneself. */
  mutedForMe: boolean;
  quality: Quality;
  /** Last second's numbers; null for oneself and until they are known. */
  stats: PeerStats | null;
  /** Own devices only; null for the others. */
  ownMic: DeviceState | null;
  ownCamera: DeviceState | null;
}

/** True for the picture of a shared screen or window. */
export function isScreen(track: TrackView): boolean {
  return track.kind === 'video' && track.event === 'screen';
}

/** The own tile. */
export function ownTile(call: CallView, speaking: readonly string[]): TileView {
  const { me } = call;
  const camera = me.camera.state === 'on';
  return {
    key: SELF,
    peer: SELF,
    kind: 'person',
    name: me.name,
    state: 'connected',
    mic: me.mic.state === 'on',
    camera,
    handle: camera ? limits.selfTrack : null,
    refused: null,
    speaking: me.mic.state === 'on' && speaking.includes(SELF),
    active: call.activeSpeaker === null,
    mutedForMe: false,
    quality: 'good',
    stats: null,
    ownMic: me.mic,
    ownCamera: me.camera,
  };
}

/** The tiles of the others in the order in which they came; a shared screen is a tile before its owner's. */
export function otherTiles(
  call: CallView,
  speaking: readonly string[],
  stats: Readonly<Record<string, PeerStats>>,
): TileView[] {
  return call.participants.flatMap((them) => tilesOf(them, speaking.includes(them.id), call.activeSpeaker === them.id, stats[them.id]));
}

function tilesOf(them: Participant, speaking: boolean, active: boolean, stats: PeerStats | undefined): TileView[] {
  const videos = them.tracks.filter((track) => track.kind === 'video');
  const screens = videos.filter(isScreen);
  const face = videos.findLast((track) => !isScreen(track)) ?? null;
  // Who does not say is shown by what arrives: a stock rtc.io page has no media-state.
  const camera = them.media?.cam ?? face !== null;
  const speaks = them.tracks.some((track) => track.kind === 'audio' && track.event !== 'screen');
  const mic = them.media?.mic ?? (speaks ? true : null);
  const common = { peer: them.id, name: them.name, state: them.state, quality: quality(stats), stats: stats ?? null, ownMic: null, ownCamera: null };
  const screen = (track: TrackView): TileView => ({
    ...common,
    key: `${them.id}/${track.handle}`,
    kind: 'screen',
    mic: null,
    camera: true,
    handle: track.handle,
    refused: track.refused,
    speaking: false,
    active: false,
    mutedForMe: false,
  });
  const shown = camera ? face : null;
  const own: TileView = {
    ...common,
    key: them.id,
    kind: 'person',
    mic,
    camera,
    handle: shown?.handle ?? null,
    refused: shown?.refused ?? null,
    speaking: speaking && mic !== false,
    active,
    mutedForMe: them.mutedForMe,
  };
  return [...screens.map(screen), own];
}

/**
 * The tiles in the order of the stage and whether the first one is to be large: the one that a person pinned, else the
 * screen that was shared last. Other screens come next, then everybody else; nobody's place changes for nothing.
 */
export function arrange(tiles: readonly TileView[], pinned: string | null): { tiles: TileView[]; large: boolean } {
  const screens = tiles.filter((tile) => tile.kind === 'screen');
  const first = tiles.find((tile) => tile.key === pinned) ?? screens.at(-1);
  if (!first) return { tiles: [...tiles], large: false };
  const rest = tiles.filter((tile) => tile !== first);
  return { tiles: [first, ...rest.filter((tile) => tile.kind === 'screen'), ...rest.filter((tile) => tile.kind !== 'screen')], large: true };
}
