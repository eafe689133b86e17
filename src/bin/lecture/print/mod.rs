// SPDX-License-Identifier: MPL-2.0

//! Output of the program. If nobody is left to read it, the job continues all the same.

mod counted;

use std::fmt::Display;
use std::io::{self, Write};

pub use counted::counted;

/// Prints a result on standard output.
pub fn answer(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a note about the work on standard error.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
