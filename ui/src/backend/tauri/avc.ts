import type { Decoders } from '../types';

/** Type of the sequence parameters among NAL units (ITU-T H.264 table 7-1). */
const SEQUENCE_PARAMETERS = 7;
/** What else is received is of these profiles or simpler. */
const WIDEST = ['avc1.64001f', 'avc1.42e01f'];

/**
 * WebCodecs' name of H.264 (RFC 6381 section 3.3): profile, constraints and level stand first in the sequence parameters of
 * a key frame, which is a byte stream with start codes (ITU-T H.264 annex B). Throws where there are none.
 */
export function avcCodec(data: Uint8Array): string {
  for (let at = 3; at + 3 < data.length; at += 1) {
    const begins = data[at - 1] === 1 && data[at - 2] === 0 && data[at - 3] === 0;
    if (!begins || (data[at]! & 0x1f) !== SEQUENCE_PARAMETERS) continue;
    const digits = [...data.subarray(at + 1, at + 4)].map((byte) => byte.toString(16).padStart(2, '0'));
    return `avc1.${digits.join('')}`;
  }
  throw new Error('a key frame of H.264 without its parameters');
}

/** What this webview decodes beside what every one is taken to. */
export async function findDecoders(): Promise<Decoders> {
  const found = await Promise.all(WIDEST.map(decodes));
  return { h264: found.every(Boolean) };
}

async function decodes(codec: string): Promise<boolean> {
  if (typeof VideoDecoder === 'undefined') return false;
  try {
    return (await VideoDecoder.isConfigSupported({ codec })).supported === true;
  } catch {
    // A name that it has never heard of is an error.
    return false;
  }
}
