//! Chance from a seed. What the engine and the library draw (ids, credentials, keys, the order of hash maps) comes from
//! `getrandom(2)` in the end; the one here answers threads that have a seed from it, and all others as the system does.
//!
//! Linux only: elsewhere a seed decides what happens to the members, but not what they draw.

#![allow(unsafe_code)]

use rand::rngs::StdRng;
use std::cell::RefCell;

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// From here on this thread draws from `rng`. Call it first on a new thread: maps and generators draw once and remember.
pub(super) fn seed(rng: StdRng) {
    SEEDED.set(Some(rng));
}

#[cfg(target_os = "linux")]
mod linux {
    use super::SEEDED;
    use rand::Rng;
    use std::ffi::{c_int, c_uint};

    /// Longest answer of `getentropy`.
    const ENTROPY: usize = 256;

    unsafe extern "C" {
        fn getentropy(buffer: *mut u8, length: usize) -> c_int;
    }

    /// Stands before the C library's function of this name, for this test program.
    ///
    /// # Safety
    ///
    /// `buffer` is valid for writes of `length` bytes, as `getrandom(2)` asks of its callers.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: c_uint) -> isize {
        if length == 0 {
            return 0;
        }
        // SAFETY: by the contract of this function; zeroed first, for nobody has promised that it is initialized.
        let bytes = unsafe {
            buffer.write_bytes(0, length);
            std::slice::from_raw_parts_mut(buffer, length)
        };
        let seeded = SEEDED.try_with(|rng| match rng.borrow_mut().as_mut() {
            Some(rng) => {
                rng.fill(bytes);
                true
            }
            None => false,
        });
        if seeded.unwrap_or(false) {
            return length as isize;
        }
        let length = length.min(ENTROPY);
        // SAFETY: as above, and no more than it gives at once.
        if unsafe { getentropy(buffer, length) } == 0 { length as isize } else { -1 }
    }
}
