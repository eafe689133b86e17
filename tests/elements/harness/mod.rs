// SPDX-License-Identifier: MPL-2.0

//! Shared by the tests of elements: GStreamer with the plugin in it, and a player.

pub mod player;

/// Starts GStreamer and registers cmafmux and the elements, once for all tests.
pub fn init() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        gst::init().expect("GStreamer starts");
        gstfmp4::plugin_register_static().expect("cmafmux registers");
        gstlecture::plugin_register_static().expect("our elements register");
    });
}
