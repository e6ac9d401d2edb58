//! Messages of the serialization `binary` that are too large for one frame.
//!
//! A packed value of more than [`CHUNK_BYTES`] bytes is sliced, and each slice is packed as
//! `{ __peerData: id, n: index, data: bytes, total: count }`. Frames may come in any order and between those of others.

use super::binary_pack;
use super::bounds::MESSAGE_BYTES;
use super::error::DecodeError;
use crate::data::Data;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Bytes of a packed value in one frame.
pub(super) const CHUNK_BYTES: usize = 16_300;
/// Name of the property that marks a chunk, or the end of a connection.
pub(super) const MARK: &str = "__peerData";
/// Chunks of one message.
const CHUNKS: u64 = 1 << 16;
/// Messages that are not whole.
const PENDING: usize = 64;
/// What a chunk takes beside its bytes.
const CHUNK_COST: usize = 64;
/// Messages that were refused, of which further chunks are ignored.
const REFUSED: usize = 64;

/// The frames of a packed value: one, or its chunks under this id.
pub(super) fn frames(packed: Vec<u8>, id: u64) -> Vec<Bytes> {
    if packed.len() <= CHUNK_BYTES {
        return vec![packed.into()];
    }
    let total = packed.len().div_ceil(CHUNK_BYTES);
    packed.chunks(CHUNK_BYTES).enumerate().map(|(index, slice)| frame(id, index, slice, total)).collect()
}

fn frame(id: u64, index: usize, slice: &[u8], total: usize) -> Bytes {
    let mut out = Vec::with_capacity(slice.len() + 64);
    let whole = |number: usize| Data::from(number as u64);
    out.push(0x84);
    let property = |name: &str, value: &Data, out: &mut Vec<u8>| {
        // The names are short, and numbers nest nowhere.
        out.push(0xb0 + name.len() as u8);
        out.extend_from_slice(name.as_bytes());
        binary_pack::encode(value, out).is_ok()
    };
    property(MARK, &Data::from(id), &mut out);
    property("n", &whole(index), &mut out);
    out.extend_from_slice(b"\xb4data");
    binary_pack::bytes_header(slice.len(), &mut out);
    out.extend_from_slice(slice);
    property("total", &whole(total), &mut out);
    out.into()
}

/// Joins chunks.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    pending: HashMap<String, Pending>,
    /// Of all that is pending.
    cost: usize,
    refused: VecDeque<String>,
}

#[derive(Debug)]
struct Pending {
    total: u64,
    chunks: BTreeMap<u64, Bytes>,
    bytes: usize,
}

impl Pending {
    fn cost(&self) -> usize {
        self.bytes + CHUNK_COST * self.chunks.len()
    }
}

impl Assembler {
    /// Takes a chunk. Gives the packed value once it is whole. A message that is refused is lost as a whole, and this is
    /// said once.
    pub(super) fn take(&mut self, chunk: &Data) -> Result<Option<Bytes>, DecodeError> {
        let id = match chunk.get(MARK) {
            Some(id @ (Data::Integer(_) | Data::Unsigned(_) | Data::Float(_))) => id.to_js_string(),
            Some(Data::String(id)) if id.len() <= CHUNK_COST => id.clone(),
            _ => return Err(DecodeError::Chunk),
        };
        if self.refused.contains(&id) {
            return Ok(None);
        }
        let taken = self.add(&id, chunk);
        if taken.is_err() {
            self.forget(&id);
            if self.refused.len() >= REFUSED {
                self.refused.pop_front();
            }
            self.refused.push_back(id);
        }
        taken
    }

    fn add(&mut self, id: &str, chunk: &Data) -> Result<Option<Bytes>, DecodeError> {
        let index = chunk.get("n").and_then(Data::as_u64).ok_or(DecodeError::Chunk)?;
        let data = chunk.get("data").and_then(Data::as_bytes).ok_or(DecodeError::Chunk)?;
        if !self.pending.contains_key(id) {
            let total = chunk.get("total").and_then(Data::as_u64).ok_or(DecodeError::Chunk)?;
            if total == 0 {
                return Err(DecodeError::Chunk);
            }
            if total > CHUNKS || self.pending.len() >= PENDING {
                return Err(DecodeError::TooBig);
            }
            self.pending.insert(id.to_owned(), Pending { total, chunks: BTreeMap::new(), bytes: 0 });
        }
        let Some(pending) = self.pending.get_mut(id) else { return Ok(None) };
        if index >= pending.total {
            return Err(DecodeError::Chunk);
        }
        if pending.chunks.contains_key(&index) {
            return Ok(None);
        }
        if pending.bytes + data.len() > MESSAGE_BYTES || self.cost + data.len() + CHUNK_COST > 2 * MESSAGE_BYTES {
            return Err(DecodeError::TooBig);
        }
        self.cost += data.len() + CHUNK_COST;
        pending.bytes += data.len();
        pending.chunks.insert(index, data.clone());
        if (pending.chunks.len() as u64) < pending.total {
            return Ok(None);
        }
        Ok(self.forget(id).map(|pending| {
            let mut joined = Vec::with_capacity(pending.bytes);
            pending.chunks.values().for_each(|chunk| joined.extend_from_slice(chunk));
            joined.into()
        }))
    }

    fn forget(&mut self, id: &str) -> Option<Pending> {
        let pending = self.pending.remove(id)?;
        self.cost -= pending.cost();
        Some(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(id: u64, index: u64, total: u64, data: Vec<u8>) -> Data {
        let data = Data::from(data);
        Data::object([(MARK, id.into()), ("n", index.into()), ("data", data), ("total", total.into())])
    }

    #[test]
    fn chunks_have_the_bytes_of_the_wire() {
        let packed: Vec<u8> = (0..200_005u32).map(|byte| byte as u8).collect();
        let frames = frames(packed.clone(), 1);
        assert_eq!((frames.len(), frames[0].len(), frames[12].len()), (13, 16_331, 4_436));
        let head = b"\x84\xba__peerData\x01\xb1n\x00\xb4data\xda\x3f\xac";
        assert_eq!(frames[0][..head.len()], head[..]);
        assert_eq!(frames[0][head.len() + 16_300..], b"\xb5total\x0d"[..]);
        let mut assembler = Assembler::default();
        let mut joined = None;
        // Any order, and one of them twice.
        for frame in frames.iter().rev().chain(&frames[..1]) {
            let taken = assembler.take(&binary_pack::decode(frame.clone()).unwrap()).unwrap();
            joined = joined.or(taken);
        }
        assert_eq!(joined.unwrap(), packed);
    }

    #[test]
    fn a_value_that_fits_is_one_frame() {
        assert_eq!(frames(vec![7; CHUNK_BYTES], 1).len(), 1);
        assert_eq!(frames(vec![7; CHUNK_BYTES + 1], 1).len(), 2);
    }

    #[test]
    fn messages_that_interleave_are_told_apart() {
        let mut assembler = Assembler::default();
        for (id, index) in [(1, 1), (2, 0), (2, 1)] {
            assert_eq!(assembler.take(&chunk(id, index, 3, vec![id as u8, index as u8])), Ok(None));
        }
        assert_eq!(assembler.take(&chunk(2, 2, 3, vec![2, 2])).unwrap().unwrap(), vec![2, 0, 2, 1, 2, 2]);
        assert_eq!(assembler.take(&chunk(1, 0, 9, vec![])), Ok(None), "the first total counts");
        assert_eq!(assembler.take(&chunk(1, 2, 3, vec![5])).unwrap().unwrap(), vec![1, 1, 5]);
        assert_eq!((assembler.cost, assembler.pending.len()), (0, 0));
    }

    #[test]
    fn what_contradicts_itself_is_refused_once() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.take(&chunk(1, 0, 0, vec![])), Err(DecodeError::Chunk));
        assert_eq!(assembler.take(&chunk(1, 0, 1, vec![])), Ok(None), "what was refused is ignored");
        assert_eq!(assembler.take(&chunk(2, 7, 7, vec![])), Err(DecodeError::Chunk));
        assert_eq!(assembler.take(&chunk(3, 0, u64::MAX, vec![])), Err(DecodeError::TooBig));
        let no_data = Data::object([(MARK, Data::Integer(4)), ("n", Data::Integer(0)), ("total", Data::Integer(2))]);
        assert_eq!(assembler.take(&no_data), Err(DecodeError::Chunk));
        assert_eq!(assembler.take(&Data::object([(MARK, Data::Bool(true))])), Err(DecodeError::Chunk));
        assert_eq!((assembler.cost, assembler.pending.len()), (0, 0));
    }

    #[test]
    fn what_never_becomes_whole_is_bounded() {
        let mut assembler = Assembler::default();
        let refused = (0..10_000).filter(|id| assembler.take(&chunk(*id, 0, 2, vec![1])).is_err()).count();
        assert_eq!((assembler.pending.len(), refused), (PENDING, 10_000 - PENDING));
        assert!(assembler.refused.len() <= REFUSED);
        let mut assembler = Assembler::default();
        let block = Bytes::from(vec![0; 1 << 20]);
        let big = |index| {
            Data::object([
                (MARK, Data::Integer(1)),
                ("n", index),
                ("data", block.clone().into()),
                ("total", 999u64.into()),
            ])
        };
        let taken = (0..999u64).find_map(|index| assembler.take(&big(index.into())).err());
        assert_eq!((taken, assembler.cost), (Some(DecodeError::TooBig), 0));
    }
}
