// SPDX-License-Identifier: MPL-2.0

//! Senders that publish by WHIP: browsers, OBS, GStreamer. Each has a webrtcbin of its own, so that
//! nothing that happens to one of them reaches another.

mod endpoint;
mod guest;

use std::net::IpAddr;

pub use self::endpoint::Endpoint;
use self::guest::Room;
use super::session_of;
use super::taps::Taps;
use super::token::Token;
use crate::error::Error;
use crate::serve::{Listen, Server};

/// Opens the endpoint of a pipeline that is not running yet.
pub fn open(
    made: &gst::Pipeline,
    listen: Listen,
    token: Option<&Token>,
    address: &str,
    latency: u32,
    taps: &Taps,
) -> Result<Endpoint, Error> {
    if token.is_none() && !listen.0.ip().is_loopback() {
        return Err(Error::usage(
            "everybody who reaches this address could publish",
            format!("listen={}", listen.0),
            "give token=env:NAME or token=file:PATH, or listen on 127.0.0.1",
        ));
    }
    let media: IpAddr = address.parse().map_err(|_| {
        Error::usage(
            "this is not an IP address",
            format!("address={address}"),
            "correct it",
        )
    })?;
    let room = Room {
        pipeline: made.clone(),
        session: session_of(made)?,
        taps: taps.clone(),
        address: Some(media).filter(|address| !address.is_unspecified()),
        latency,
    };
    let token = token.map(Token::read).transpose()?;
    Ok(Endpoint::new(
        Server::listen(listen, "listen")?,
        token,
        room,
    ))
}
