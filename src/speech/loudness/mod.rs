// SPDX-License-Identifier: MPL-2.0

//! Loudness of a class, and gains that make everybody in it equally loud.
//!
//! A [`Meter`] measures samples by ITU-R BS.1770-4 and finds phrases: sound between pauses, each
//! with its loudness. [`plan`] makes a [`Curve`] of gains from them, which brings the whole to a
//! target and each speaker near it. The gains change in pauses, so that no voice is pumped. They
//! raise no pause above what the class's main speaker needs, so that noise stays where it is. Audio
//! in which nobody speaks is not raised. A [`Leveller`] applies the curve to samples and keeps true
//! peaks below a ceiling.

mod curve;
mod leveller;
mod meter;
mod plan;

pub use curve::{Curve, CurveError};
pub use leveller::Leveller;
pub use meter::{Meter, Phrase};
pub use plan::{loudness, plan, plan_mix};
