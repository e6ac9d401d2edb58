//! Devices, capture, encoding, decoding, audio processing and mixing
