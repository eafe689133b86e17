// SPDX-License-Identifier: MPL-2.0

//! Local addresses of servers.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use crate::error::Error;
use crate::options::{FromText, Wrong};

/// A local address and port.
#[derive(Clone, Copy, Debug)]
pub struct Listen(pub SocketAddr);

impl FromText for Listen {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let address = text.parse().map(Listen);
        address.map_err(|_| Wrong::Form("write ADDRESS:PORT, for example 127.0.0.1:8090"))
    }
}

impl Listen {
    /// Opens the socket; requests wait until they are accepted. `variable` has the address.
    ///
    /// # Errors
    /// The port is taken, or the address is not of this machine.
    pub fn open(self, variable: &str) -> Result<TcpListener, Error> {
        let place = format!("{variable}={}", self.0);
        TcpListener::bind(self.0).map_err(|error| {
            if error.kind() == ErrorKind::AddrInUse {
                Error::later(
                    "another program listens on this port",
                    place,
                    "end the other program, or choose another port",
                )
            } else {
                Error::request(
                    format!("cannot listen ({error})"),
                    place,
                    "choose another address",
                )
            }
        })
    }
}
