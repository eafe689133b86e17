// SPDX-License-Identifier: MPL-2.0

//! The element's properties.

use gst::{glib, prelude::*};

use super::settings::Settings;

pub fn properties() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let text = |name: &'static str, nick: &str, blurb: &str| {
        glib::ParamSpecString::builder(name)
            .nick(nick)
            .blurb(blurb)
            .mutable_ready()
            .build()
    };
    let secret = |name: &'static str, nick: &str, blurb: &str| {
        glib::ParamSpecString::builder(name)
            .nick(nick)
            .blurb(blurb)
            .write_only()
            .mutable_ready()
            .build()
    };
    let time = |name: &'static str, nick: &str, blurb: &str, default: gst::ClockTime| {
        glib::ParamSpecUInt64::builder(name)
            .nick(nick)
            .blurb(blurb)
            .default_value(default.nseconds())
            .mutable_ready()
            .build()
    };
    let rate = |name: &'static str, nick: &str, blurb: &str, default: f64| {
        glib::ParamSpecDouble::builder(name)
            .nick(nick)
            .blurb(blurb)
            .minimum(0.01)
            .maximum(100.0)
            .default_value(default)
            .mutable_ready()
            .build()
    };
    vec![
        text("activity-id", "Activity", "IRI of the video (required)"),
        text("activity-name", "Activity name", "Title of the video (default: none)"),
        text("actor", "Actor", "Who watches: mailto:… or an xAPI Agent as JSON (required)"),
        text(
            "registration",
            "Registration",
            "UUID that sessions share, as the learning platform gives it (default: one for \
             each actor and activity, kept in the journal)",
        ),
        time(
            "length",
            "Length",
            "Length of the video in nanoseconds; 0 asks the stream",
            default.length,
        ),
        glib::ParamSpecDouble::builder("completion-threshold")
            .nick("Completion threshold")
            .blurb(
                "Share of the video that must have been played for completed, from 0 to 1 \
                 (rounded to thousandths); 0 leaves it to the check alone",
            )
            .maximum(1.0)
            .minimum(0.0)
            .default_value(default.completion_threshold)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("require-check")
            .nick("Require check")
            .blurb("Completed takes the action signal check-passed as well")
            .default_value(default.require_check)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("check-suffices")
            .nick("Check suffices")
            .blurb("The action signal check-passed completes, whatever was watched")
            .default_value(default.check_suffices)
            .mutable_ready()
            .build(),
        rate("min-rate", "Lowest rate", "Media played slower than this is not watched", default.min_rate),
        rate("max-rate", "Highest rate", "Media played faster than this is not watched", default.max_rate),
        text(
            "manifest-location",
            "Manifest",
            "manifest.json of the package: its kept spans carry progress over a re-cut \
             (default: none, the video is taken to stay as it is)",
        ),
        text("endpoint", "Endpoint", "URL of the LRS, above statements (default: none, nothing is sent)"),
        secret("username", "User name", "For the LRS; env:NAME and file:PATH read it from there"),
        secret("password", "Password", "For the LRS; env:NAME and file:PATH read it from there"),
        secret("token", "Token", "Bearer token for the LRS; env:NAME and file:PATH read it from there"),
        glib::ParamSpecEnum::builder_with_default("version", default.version)
            .nick("xAPI version")
            .blurb("Version of xAPI to speak to the LRS")
            .mutable_ready()
            .build(),
        text(
            "journal",
            "Journal",
            "Folder that statements are kept in until they are delivered, one for each \
             player (default: none, statements live in memory)",
        ),
        glib::ParamSpecUInt64::builder("checkpoint-interval")
            .nick("Checkpoint interval")
            .blurb("How often the position is noted in the journal, in nanoseconds")
            .minimum(100_000_000)
            .default_value(default.checkpoint_interval.nseconds())
            .mutable_ready()
            .build(),
        time(
            "drain-timeout",
            "Drain timeout",
            "How long shutdown waits for the LRS, in nanoseconds; the journal keeps the rest",
            default.drain_timeout,
        ),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(
                "state, progress, statements, pending, delivered, dead-letters, failures, unwritten, lost, \
                 troubles",
            )
            .read_only()
            .build(),
    ]
}

impl Settings {
    pub fn set(&mut self, value: &glib::Value, pspec: &glib::ParamSpec) {
        // GObject has checked types and ranges.
        let text = || {
            value
                .get::<Option<String>>()
                .ok()
                .flatten()
                .filter(|text| !text.is_empty())
        };
        let time = || gst::ClockTime::from_nseconds(value.get().unwrap_or_default());
        match pspec.name() {
            "activity-id" => self.activity_id = text(),
            "activity-name" => self.activity_name = text(),
            "actor" => self.actor = text(),
            "registration" => self.registration = text(),
            "length" => self.length = time(),
            "completion-threshold" => {
                self.completion_threshold = value.get().unwrap_or_default();
            }
            "require-check" => self.require_check = value.get().unwrap_or_default(),
            "check-suffices" => self.check_suffices = value.get().unwrap_or_default(),
            "min-rate" => self.min_rate = value.get().unwrap_or_default(),
            "max-rate" => self.max_rate = value.get().unwrap_or_default(),
            "manifest-location" => self.manifest_location = text(),
            "endpoint" => self.endpoint = text(),
            "username" => self.username = text(),
            "password" => self.password = text(),
            "token" => self.token = text(),
            "version" => self.version = value.get().unwrap_or_default(),
            "journal" => self.journal = text(),
            "checkpoint-interval" => self.checkpoint_interval = time(),
            "drain-timeout" => self.drain_timeout = time(),
            name => unreachable!("there is no property {name} to write"),
        }
    }

    pub fn get(&self, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "activity-id" => self.activity_id.to_value(),
            "activity-name" => self.activity_name.to_value(),
            "actor" => self.actor.to_value(),
            "registration" => self.registration.to_value(),
            "length" => self.length.nseconds().to_value(),
            "completion-threshold" => self.completion_threshold.to_value(),
            "require-check" => self.require_check.to_value(),
            "check-suffices" => self.check_suffices.to_value(),
            "min-rate" => self.min_rate.to_value(),
            "max-rate" => self.max_rate.to_value(),
            "manifest-location" => self.manifest_location.to_value(),
            "endpoint" => self.endpoint.to_value(),
            "version" => self.version.to_value(),
            "journal" => self.journal.to_value(),
            "checkpoint-interval" => self.checkpoint_interval.nseconds().to_value(),
            "drain-timeout" => self.drain_timeout.nseconds().to_value(),
            name => unreachable!("there is no property {name} to read"),
        }
    }
}
