// SPDX-License-Identifier: MPL-2.0

//! What the program says. Nobody may be left to read it: the job goes on all the same.

mod counted;

use std::fmt::Display;
use std::io::{self, Write};

pub use counted::counted;

/// A line of what was asked for, on standard output.
pub fn answer(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line about the work, on standard error.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
