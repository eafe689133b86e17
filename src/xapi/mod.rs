// SPDX-License-Identifier: MPL-2.0

//! xAPI Video Profile 1.0.3: statements, progress, the completion rule, validation.
//!
//! This module has no clock, socket, file or source of randomness: times and random bytes are
//! arguments, statements are returned as bytes. A player reports to a [`Session`] what its viewer
//! did and at which position. The same code can be used by an element and by a web page.

mod actor;
pub mod check;
mod facts;
mod history;
pub mod iri;
pub mod journal;
pub mod outbox;
pub mod report;
pub mod segments;
mod session;
mod statement;
#[cfg(test)]
mod tests;
pub mod units;
mod uuid;

pub use actor::{ActorError, actor};
pub use facts::Facts;
pub use history::History;
pub use iri::Verb;
pub use session::{Due, Input, Plan, Session, key};
pub use statement::Statement;
pub use uuid::Uuid;
