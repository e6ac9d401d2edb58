import { afterEach, describe, expect, it, vi } from 'vitest';
import { avcCodec, findDecoders } from './avc';

afterEach(() => vi.unstubAllGlobals());

describe('the name of H.264', () => {
  it('is in the sequence parameters, wherever these are', () => {
    const parameters = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0x8c];
    expect(avcCodec(new Uint8Array([...parameters, 0, 0, 0, 1, 0x65, 1]))).toBe('avc1.42c00d');
    expect(avcCodec(new Uint8Array([0, 0, 1, 0x09, 0xf0, ...parameters]))).toBe('avc1.42c00d');
  });

  it('is unknown without them', () => {
    for (const data of [[], [0, 0, 0, 1, 0x65, 1, 2, 3], [0, 0, 0, 1, 0x67, 0x42]]) {
      expect(() => avcCodec(new Uint8Array(data))).toThrow('without its parameters');
    }
  });
});

describe('decoders', () => {
  const webview = (supported: (codec: string) => boolean) =>
    vi.stubGlobal('VideoDecoder', { isConfigSupported: async ({ codec }: VideoDecoderConfig) => ({ supported: supported(codec) }) });

  it('are what the webview says', async () => {
    webview(() => true);
    expect(await findDecoders()).toEqual({ h264: true });
    webview((codec) => codec.startsWith('avc1.42'));
    expect(await findDecoders()).toEqual({ h264: false });
  });

  it('are none where it has none, or can not say', async () => {
    expect(await findDecoders()).toEqual({ h264: false });
    webview(() => {
      throw new TypeError('what is avc1?');
    });
    expect(await findDecoders()).toEqual({ h264: false });
  });
});
