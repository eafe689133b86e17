// SPDX-License-Identifier: MPL-2.0

//! A whole package, as `lecture check` reads it.

use fuzz::Parts;
use gstlecture::package::check;

pub fn run(input: &[u8]) {
    let _ = check::check(&Parts::new(input), "master.m3u8");
}
