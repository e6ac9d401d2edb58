import type { MediaConnection, MediaHandlers } from '../backend/tauri/connection';
import { limits } from '../backend/limits';

/** Encodes a drawn person per track as VP8 and sends it as the backend does, so that the real decoders run. */

const RATE = 12;
const KEY_EVERY = 60;

interface Source {
  handle: number;
  encoder: VideoEncoder;
  canvas: OffscreenCanvas;
  count: number;
  wantsKey: boolean;
}

export async function openPattern(handles: number[], handlers: MediaHandlers, size: { width: number; height: number }): Promise<MediaConnection> {
  // WebKitGTK 2.50 crashes when an encoder is the first to use GStreamer; asking about a decoder sets it up.
  await VideoDecoder.isConfigSupported({ codec: 'vp8' });
  const sources = handles.map((handle) => open(handle, handlers, size));
  const timer = setInterval(() => sources.forEach(encode), 1000 / RATE);
  return {
    send({ type, handle }) {
      if (type !== 'key-frame') return;
      // Counted for browser/: a tile must not ask again and again.
      const { dataset } = document.documentElement;
      dataset.keyRequests = String(Number(dataset.keyRequests ?? 0) + 1);
      sources.filter((source) => source.handle === handle).forEach((source) => (source.wantsKey = true));
    },
    close() {
      clearInterval(timer);
      sources.forEach(({ encoder }) => encoder.state !== 'closed' && encoder.close());
    },
  };
}

function open(handle: number, handlers: MediaHandlers, { width, height }: { width: number; height: number }): Source {
  const encoder = new VideoEncoder({
    error: (error) => console.error(error),
    output: (chunk) => handlers.message(pack(handle, chunk, width, height)),
  });
  encoder.configure({ codec: 'vp8', width, height, bitrate: 600_000, framerate: RATE, latencyMode: 'realtime' });
  return { handle, encoder, canvas: new OffscreenCanvas(width, height), count: 0, wantsKey: true };
}

function pack(handle: number, chunk: EncodedVideoChunk, width: number, height: number): ArrayBuffer {
  const message = new ArrayBuffer(limits.frameHeaderBytes + chunk.byteLength);
  const view = new DataView(message);
  view.setUint8(0, limits.frameVersion);
  view.setUint8(1, chunk.type === 'key' ? 1 : 0);
  view.setUint32(4, handle, true);
  view.setUint32(8, Math.round((chunk.timestamp * 9) / 100) >>> 0, true);
  view.setUint16(12, width, true);
  view.setUint16(14, height, true);
  chunk.copyTo(new Uint8Array(message, limits.frameHeaderBytes));
  return message;
}

function encode(source: Source): void {
  if (source.encoder.encodeQueueSize > 2) return;
  draw(source);
  const frame = new VideoFrame(source.canvas, { timestamp: (source.count * 1e6) / RATE });
  source.encoder.encode(frame, { keyFrame: source.wantsKey || source.count % KEY_EVERY === 0 });
  frame.close();
  source.wantsKey = false;
  source.count += 1;
}

function draw({ handle, canvas, count }: Source): void {
  const { width, height } = canvas;
  const context = canvas.getContext('2d');
  if (!context) return;
  const hue = (handle * 67 + 215) % 360;
  const sway = Math.sin(count / 9 + handle) * width * 0.008;
  const room = context.createLinearGradient(0, 0, width, height);
  room.addColorStop(0, `hsl(${hue} 22% 62%)`);
  room.addColorStop(1, `hsl(${hue + 40} 18% 34%)`);
  context.fillStyle = room;
  context.fillRect(0, 0, width, height);
  context.fillStyle = `hsl(${hue + 30} 30% 78% / 0.5)`;
  context.fillRect(width * 0.08, height * 0.1, width * 0.2, height * 0.42);
  const x = width / 2 + sway;
  const skin = ['#e3b394', '#8d5a3c', '#f0c9a8', '#5f3b28', '#c98f68'][handle % 5]!;
  ellipse(context, x, height * 1.06, width * 0.25, height * 0.42, `hsl(${(hue + 160) % 360} 26% 30%)`);
  context.fillStyle = skin;
  context.fillRect(x - width * 0.04, height * 0.56, width * 0.08, height * 0.16);
  ellipse(context, x, height * 0.34, width * 0.105, height * 0.23, ['#2b1d16', '#141013', '#7a4b26', '#0f0d0d', '#3a2618'][handle % 5]!);
  ellipse(context, x, height * 0.42, width * 0.088, height * 0.2, skin);
}

function ellipse(context: OffscreenCanvasRenderingContext2D, x: number, y: number, rx: number, ry: number, fill: string): void {
  context.fillStyle = fill;
  context.beginPath();
  context.ellipse(x, y, rx, ry, 0, 0, Math.PI * 2);
  context.fill();
}
