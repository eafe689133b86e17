// SPDX-License-Identifier: MPL-2.0

//! Requests of browsers, senders and monitors: a small HTTP server, its answers, and the guard of a page.

mod guard;
mod listen;
mod reply;
mod server;

pub use guard::Guard;
pub use listen::Listen;
pub use reply::Reply;
pub use server::{Asked, Server, Serving};
