// SPDX-License-Identifier: MPL-2.0

//! Messages posted on the bus, and structures received from the application.

use crate::{
    delivery::Delivery,
    xapi::{Facts, Statement},
};

/// Makes the message of a statement that is in the journal.
pub fn statement(statement: Statement) -> gst::Structure {
    gst::Structure::builder("xapitap-statement")
        .field("verb", statement.verb.name())
        .field("id", statement.id.to_string())
        .field("json", statement.json)
        .build()
}

/// Makes the message of a change in delivery.
pub fn delivery(delivery: Delivery) -> gst::Structure {
    gst::Structure::builder("xapitap-delivery")
        .field("state", delivery.state)
        .field("pending", delivery.pending)
        .field("dead-letters", delivery.dead)
        .field("reason", delivery.words)
        .build()
}

/// Makes the value of the property `stats`. Progress is in thousandths.
pub fn stats(delivery: &Delivery, progress: u16, said: u64, troubles: u64) -> gst::Structure {
    gst::Structure::builder("stats")
        .field("state", delivery.state)
        .field("progress", f64::from(progress) / 1000.0)
        .field("statements", said)
        .field("pending", delivery.pending)
        .field("delivered", delivery.delivered)
        .field("dead-letters", delivery.dead)
        .field("failures", delivery.failures)
        .field("unwritten", delivery.unwritten)
        .field("lost", delivery.lost)
        .field("troubles", troubles)
        .build()
}

/// Reads the facts that an application reports about its player.
pub fn facts(structure: &gst::StructureRef) -> Facts {
    let text = |name: &str| structure.get::<String>(name).ok();
    let size = |name: &str| {
        let text = text(name)?;
        let (width, height) = text.split_once('x')?;
        width.parse().ok().zip(height.parse().ok())
    };
    let whole = |name: &str| {
        structure
            .get::<i32>(name)
            .ok()
            .and_then(|n| u32::try_from(n).ok())
    };
    Facts {
        volume: structure.get("volume").ok(),
        captions: structure.get("captions").ok(),
        captions_language: text("captions-language"),
        full_screen: structure.get("full-screen").ok(),
        screen_size: size("screen-size"),
        playback_size: size("playback-size"),
        quality: whole("quality"),
        frame_rate: structure.get("frame-rate").ok(),
        track: text("track"),
        user_agent: text("user-agent"),
    }
}
