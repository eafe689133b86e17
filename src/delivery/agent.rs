// SPDX-License-Identifier: MPL-2.0

//! How servers are spoken to over HTTP.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// Makes an agent with the system's certificates that reports every status and follows no redirect: a redirected
/// request would lose its body, or hand its credentials to another server. `total` is the longest time for an
/// answer, `connect` that for the connection.
pub fn agent(total: Duration, connect: Duration) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(total))
        .timeout_connect(Some(connect))
        .user_agent(concat!("gst-plugin-lecture/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build();
    config.into()
}
