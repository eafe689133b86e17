// SPDX-License-Identifier: MPL-2.0

//! Pipelines: described, made, run and observed; programs that are run beside them.

pub mod description;
pub mod frame_order;
pub mod gst_error;
pub mod hidden;
pub mod ledger;
pub mod memory;
mod mpeg_clock;
pub mod picture_times;
pub mod pipeline;
pub mod process;
pub mod program;
pub mod progress;
pub mod quote;
mod reach;
pub mod repair;
pub mod run;
mod standing;
pub mod watch;
