// SPDX-License-Identifier: MPL-2.0

//! Captions held against the standard for recordings (WCAG 2.1, success criterion 1.2.2).
//!
//! A recording owes its viewers more than a live class does: every word, in time and readable.
//! [`check`] applies the rules of a [`Profile`] to cues and, if it was analysed, to the audio.
//! WCAG itself has no number for the length of a line or the speed of reading: those limits come
//! from the profile, and each finding names its [`Basis`].

mod coverage;
pub mod draft;
mod label;
mod profile;
mod report;
mod rule;
mod shape;
mod sync;

pub use coverage::Heard;
pub use profile::{Limits, Profile, ProfileError, SCHEMA};
pub use report::{Material, Report, Summary, Voice, check};
pub use rule::{Basis, Finding, Rule, Severity};
pub use sync::Sync;

#[cfg(test)]
mod tests;
