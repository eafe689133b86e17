// SPDX-License-Identifier: MPL-2.0

//! A whole package, as `lecture check` reads it.

#![no_main]

use fuzz::Parts;
use gstlecture::package::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = check::check(&Parts::new(input), "master.m3u8");
});
