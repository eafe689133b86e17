// SPDX-License-Identifier: MPL-2.0

//! How loud the sound of a class is, and what has everybody in it heard alike.
//!
//! A [`Meter`] measures samples by ITU-R BS.1770-4 and finds phrases: stretches of sound between
//! pauses, each with its loudness. [`plan`] makes of them a [`Curve`] of gains that brings the
//! whole to a target and each speaker near it; it changes in pauses, so that no voice is pumped,
//! and raises no pause above what the class's main speaker needs, so that noise stays where it is.
//! Audio in which nobody speaks is not raised. A [`Leveller`] applies the curve to samples and keeps true peaks under a ceiling.

mod curve;
mod leveller;
mod meter;
mod plan;

pub use curve::{Curve, CurveError};
pub use leveller::Leveller;
pub use meter::{Meter, Phrase};
pub use plan::{plan, plan_mix};
