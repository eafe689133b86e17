// SPDX-License-Identifier: MPL-2.0

//! Shared by the fuzz targets: a limit on memory, and an input that is several files.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::collections::BTreeMap;

use gstlecture::package::check::Files;

/// The largest block that a parser may ask for, in bytes: inputs have at most 64 KiB, and a larger block
/// follows a number in the file, not its data. (A million samples of a fragment take 100 MB.)
const LARGEST: usize = 256 << 20;

/// Ends the program where a block is asked for that is larger than any input warrants: memory that is
/// reserved and not written does not count in libFuzzer's own limit.
struct Limited;

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        limit(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        limit(size);
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

fn limit(size: usize) {
    if size > LARGEST {
        eprintln!("a block of {size} bytes is asked for");
        std::process::abort();
    }
}

/// Stands between the files of an input that is several.
pub const BETWEEN: &[u8] = b"\xff\xfe\xff\n";

/// The files of an input: whatever path is read first is the first one, and so on.
pub struct Parts<'a> {
    rest: RefCell<Vec<&'a [u8]>>,
    read: RefCell<BTreeMap<String, &'a [u8]>>,
}

impl<'a> Parts<'a> {
    /// Takes an input apart.
    pub fn new(input: &'a [u8]) -> Self {
        let mut parts = Vec::new();
        let mut rest = input;
        while let Some(at) = rest.windows(BETWEEN.len()).position(|four| four == BETWEEN) {
            parts.push(&rest[..at]);
            rest = &rest[at + BETWEEN.len()..];
        }
        parts.push(rest);
        parts.reverse();
        Parts {
            rest: RefCell::new(parts),
            read: RefCell::default(),
        }
    }
}

impl Files for Parts<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let mut read = self.read.borrow_mut();
        if !read.contains_key(path) {
            let part = self.rest.borrow_mut().pop().ok_or("no more files")?;
            read.insert(path.to_owned(), part);
        }
        Ok(read.get(path).copied().unwrap_or_default().to_vec())
    }
}
