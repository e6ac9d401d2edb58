import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PictureState } from '../pictures';
import { Decoders, FakeChunk, FakeConnection, frameMessage } from './fakes';
import { MediaFeed, type FeedPlatform } from './feed';

let decoders: Decoders;
let connections: FakeConnection[];
let refuse: boolean;
let now: number;
let paint: (() => void) | null;
let feed: MediaFeed;
let connected: boolean[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EncodedVideoChunk', FakeChunk);
  [decoders, connections, refuse, now, paint, connected] = [new Decoders(), [], false, 0, null, []];
  feed = newFeed(decoders.make);
});

afterEach(() => {
  feed.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function newFeed(makeDecoder: FeedPlatform['makeDecoder']): MediaFeed {
  const platform: FeedPlatform = {
    async open(handlers) {
      if (refuse) throw new Error('refused');
      const connection = new FakeConnection(handlers);
      connections.push(connection);
      return connection;
    },
    makeDecoder,
    requestFrame(callback) {
      paint = callback;
      return 1;
    },
    cancelFrame: () => (paint = null),
    now: () => now,
    random: () => 1,
  };
  return new MediaFeed(platform, (state) => connected.push(state));
}

async function start(): Promise<FakeConnection> {
  feed.start();
  await vi.advanceTimersByTimeAsync(0);
  return connections.at(-1)!;
}

function sink() {
  const drawn: number[] = [];
  const states: PictureState[] = [];
  return {
    drawn,
    states,
    draw: (frame: VideoFrame) => void drawn.push(frame.timestamp),
    state: (state: PictureState) => void states.push(state),
  };
}

const receive = (connection: FakeConnection, ...frame: Parameters<typeof frameMessage>) =>
  connection.handlers.message(frameMessage(...frame));
const draw = () => {
  const callback = paint;
  paint = null;
  callback?.();
};

describe('pictures', () => {
  it('are drawn when the display asks, the newest only, and every one is closed', async () => {
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    for (const [index, key] of [true, false, false].entries()) receive(connection, 3, key, index * 9000);
    expect(there.drawn).toEqual([]);
    draw();
    expect(there.drawn).toEqual([200_000]);
    expect(decoders.last.frames.every((frame) => frame.closed)).toBe(true);
    expect(there.states).toEqual([{ state: 'playing' }]);
  });

  it('start at a key frame, which is asked for, but not with every frame', async () => {
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    expect(connection.sent).toEqual([{ type: 'key-frame', handle: 3 }]);
    receive(connection, 3, false, 0);
    receive(connection, 3, false, 3000);
    expect(connection.sent).toHaveLength(1);
    now += 1000;
    receive(connection, 3, false, 6000);
    expect(connection.sent).toHaveLength(2);
    expect(decoders.made).toHaveLength(0);
  });

  it('of a track that nobody shows are not decoded', async () => {
    receive(await start(), 9, true, 0);
    expect(decoders.made).toHaveLength(0);
  });

  it('stop when the tile goes', async () => {
    const connection = await start();
    const there = sink();
    const { detach } = feed.attach(3, there);
    receive(connection, 3, true, 0);
    detach();
    draw();
    receive(connection, 3, true, 3000);
    expect(there.drawn).toEqual([]);
    expect(decoders.last.state).toBe('closed');
    expect(decoders.last.frames.map((frame) => frame.closed)).toEqual([true]);
  });

  it('are configured anew when the size changes', async () => {
    const connection = await start();
    feed.attach(3, sink());
    receive(connection, 3, true, 0);
    receive(connection, 3, true, 3000);
    receive(connection, 3, true, 6000, 320, 180);
    expect(decoders.made).toHaveLength(1);
    expect(decoders.last.configs.map((config) => config.codedWidth)).toEqual([640, 320]);
  });
});

describe('pictures in H.264', () => {
  const parameters = (level: number) => [0, 0, 0, 1, 0x67, 0x42, 0xc0, level, 0, 0, 0, 1, 0x65];

  it('are configured by their own parameters, and anew when those change', async () => {
    const connection = await start();
    feed.attach(3, sink());
    for (const level of [31, 31, 40]) receive(connection, 3, true, 0, 640, 360, parameters(level));
    receive(connection, 3, true, 0);
    expect(decoders.last.configs.map((config) => config.codec)).toEqual(['avc1.42c01f', 'avc1.42c028', 'vp8']);
  });

  it('are broken without them, and another key frame is asked for', async () => {
    const connection = await start();
    feed.attach(3, sink());
    now += 1000;
    receive(connection, 3, true, 0, 640, 360, [0, 0, 0, 1, 0x65]);
    expect(decoders.made).toHaveLength(0);
    expect(connection.sent).toHaveLength(2);
  });
});

describe('sizes', () => {
  const sizes = (connection: FakeConnection) => connection.sent.filter((request) => request.type === 'rendered-size');

  it('are told at once, then when they have settled, and that a tile is gone', async () => {
    const connection = await start();
    const { drawn, detach } = feed.attach(3, sink());
    drawn(200.4, 112.6);
    for (const width of [300, 400, 640]) drawn(width, (width * 9) / 16);
    expect(sizes(connection)).toEqual([{ type: 'rendered-size', handle: 3, width: 200, height: 113 }]);
    await vi.advanceTimersByTimeAsync(1000);
    drawn(640, 360);
    await vi.advanceTimersByTimeAsync(1000);
    drawn(800, 450);
    detach();
    await vi.advanceTimersByTimeAsync(1000);
    expect(sizes(connection).slice(1)).toEqual([
      { type: 'rendered-size', handle: 3, width: 640, height: 360 },
      { type: 'rendered-size', handle: 3, width: 0, height: 0 },
    ]);
  });

  it('are none while nobody sees the window, also of tiles that come meanwhile', async () => {
    const connection = await start();
    const { drawn } = feed.attach(3, sink());
    drawn(200, 100);
    feed.setVisible(false);
    drawn(640, 360);
    feed.attach(4, sink()).drawn(320, 180);
    await vi.advanceTimersByTimeAsync(1000);
    const hidden = { type: 'rendered-size', width: 0, height: 0 };
    expect(sizes(connection).slice(1)).toEqual([{ ...hidden, handle: 3 }, { ...hidden, handle: 4 }]);
    feed.setVisible(true);
    feed.setVisible(true);
    expect(sizes(connection).slice(3)).toEqual([
      { type: 'rendered-size', handle: 3, width: 640, height: 360 },
      { type: 'rendered-size', handle: 4, width: 320, height: 180 },
    ]);
  });

  it('are told again over a new connection', async () => {
    const connection = await start();
    const { drawn } = feed.attach(3, sink());
    drawn(200, 100);
    connection.handlers.closed();
    await vi.advanceTimersByTimeAsync(1000);
    expect(connections).toHaveLength(2);
    expect(sizes(connections[1]!)).toEqual([{ type: 'rendered-size', handle: 3, width: 200, height: 100 }]);
  });
});

describe('two views of one track', () => {
  it('are drawn by one decoder, at the size of the larger', async () => {
    const connection = await start();
    const [tile, dialog] = [sink(), sink()];
    const small = feed.attach(0, tile);
    small.drawn(200, 100);
    receive(connection, 0, true, 0);
    draw();
    const large = feed.attach(0, dialog);
    expect(dialog.states.at(-1)).toEqual({ state: 'playing' });
    large.drawn(640, 360);
    small.drawn(160, 90);
    await vi.advanceTimersByTimeAsync(1000);
    receive(connection, 0, false, 9000);
    draw();
    expect([decoders.made.length, tile.drawn, dialog.drawn]).toEqual([1, [0, 100_000], [100_000]]);
    large.detach();
    await vi.advanceTimersByTimeAsync(1000);
    small.detach();
    large.detach();
    const sizes = connection.sent.flatMap((request) => (request.type === 'rendered-size' ? request.width : []));
    expect(sizes).toEqual([200, 640, 160, 0]);
  });
});

describe('trouble', () => {
  it('a broken decoder is replaced at the next key frame', async () => {
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    receive(connection, 3, true, 0);
    now += 1000;
    decoders.last.break(new Error('bad data'));
    expect(connection.sent).toHaveLength(2);
    receive(connection, 3, false, 3000);
    expect(decoders.made).toHaveLength(1);
    receive(connection, 3, true, 6000);
    expect(decoders.made).toHaveLength(2);
    expect(there.states.at(-1)).toEqual({ state: 'playing' });
  });

  it('three failures without a picture between are told, and the next picture takes it back', async () => {
    decoders.silent = true;
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    for (const timestamp of [0, 3000, 6000]) {
      expect(there.states).toEqual([]);
      receive(connection, 3, true, timestamp);
      decoders.last.break(new Error('bad data'));
    }
    expect(there.states).toEqual([{ state: 'failed', error: 'broken', codec: 'vp8' }]);
    decoders.silent = false;
    receive(connection, 3, true, 9000);
    expect(there.states.at(-1)).toEqual({ state: 'playing' });
  });

  it('a codec that is missing is named, and asks for no more key frames', async () => {
    decoders.refusal = new DOMException('no', 'NotSupportedError');
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    receive(connection, 3, true, 0);
    now += 1000;
    receive(connection, 3, false, 3000);
    expect(there.states).toEqual([{ state: 'failed', error: 'no-codec', codec: 'vp8' }]);
    expect(connection.sent).toHaveLength(1);
  });

  it('a webview without VideoDecoder says so', async () => {
    feed = newFeed(null);
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    receive(connection, 3, true, 0);
    expect(there.states).toEqual([{ state: 'failed', error: 'no-decoder', codec: 'vp8' }]);
    expect(connection.sent).toEqual([]);
  });

  it('a decoder that falls behind drops up to the next key frame', async () => {
    const connection = await start();
    feed.attach(3, sink());
    receive(connection, 3, true, 0);
    decoders.last.decodeQueueSize = 11;
    receive(connection, 3, false, 3000);
    decoders.last.decodeQueueSize = 0;
    receive(connection, 3, false, 6000);
    expect(decoders.last.frames).toHaveLength(1);
    receive(connection, 3, true, 9000);
    expect(decoders.last.frames).toHaveLength(2);
  });
});

describe('the connection', () => {
  it('comes back by itself, with back-off, and starts at key frames', async () => {
    const connection = await start();
    feed.attach(3, sink());
    receive(connection, 3, true, 0);
    refuse = true;
    connection.drop();
    expect(connected).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(200 + 400 + 800);
    refuse = false;
    expect(connections).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1600);
    expect(connections).toHaveLength(2);
    expect(connections[1]?.sent).toEqual([{ type: 'key-frame', handle: 3 }]);
    receive(connections[1]!, 3, false, 3000);
    expect(decoders.last.frames).toHaveLength(1);
    expect(connected).toEqual([true, false, true]);
  });

  it('ends with the call, and the late answer of an old one is closed', async () => {
    feed.start();
    feed.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(connections.map((connection) => connection.open)).toEqual([false]);
    expect(connected).toEqual([]);
  });

  it('is silent after it was stopped', async () => {
    const connection = await start();
    const there = sink();
    feed.attach(3, there);
    feed.stop();
    receive(connection, 3, true, 0);
    connection.handlers.closed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(connections).toHaveLength(1);
    expect(there.states).toEqual([]);
  });
});
