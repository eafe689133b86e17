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
        text("actor", "Actor", "Viewer: mailto:… or an xAPI Agent as JSON (required)"),
        text(
            "registration",
            "Registration",
            "UUID that the sessions share, from the learning platform (default: one for each \
             actor and activity, kept in the journal)",
        ),
        time(
            "length",
            "Length",
            "Length of the video in nanoseconds (0: query the stream)",
            default.length,
        ),
        glib::ParamSpecDouble::builder("completion-threshold")
            .nick("Completion threshold")
            .blurb(
                "Share of the video that must be played before completed is sent, from 0 to 1, \
                 rounded to thousandths; 0 leaves completion to the check alone",
            )
            .maximum(1.0)
            .minimum(0.0)
            .default_value(default.completion_threshold)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("require-check")
            .nick("Require check")
            .blurb("Also require the action signal check-passed before completed is sent")
            .default_value(default.require_check)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("check-suffices")
            .nick("Check suffices")
            .blurb("Send completed after the action signal check-passed, whatever was watched")
            .default_value(default.check_suffices)
            .mutable_ready()
            .build(),
        rate("min-rate", "Minimum rate", "Media that plays slower than this does not count as watched", default.min_rate),
        rate("max-rate", "Maximum rate", "Media that plays faster than this does not count as watched", default.max_rate),
        text(
            "manifest-location",
            "Manifest",
            "manifest.json of the package; its kept spans carry progress over a new cut \
             (default: none, the video never changes)",
        ),
        text("endpoint", "Endpoint", "URL of the LRS, without /statements (default: none, nothing is sent)"),
        secret("username", "User name", "Credential for the LRS; env:NAME and file:PATH read it from the environment or from \
             a file"),
        secret("password", "Password", "Credential for the LRS; env:NAME and file:PATH read it from the environment or from \
             a file"),
        secret("token", "Token", "Bearer token for the LRS; env:NAME and file:PATH read it from the environment or \
             from a file"),
        glib::ParamSpecEnum::builder_with_default("version", default.version)
            .nick("xAPI version")
            .blurb("xAPI version of the requests to the LRS")
            .mutable_ready()
            .build(),
        text(
            "journal",
            "Journal",
            "Folder for statements that are not delivered yet, one folder per player (default: \
             none, statements are kept in memory)",
        ),
        glib::ParamSpecUInt64::builder("checkpoint-interval")
            .nick("Checkpoint interval")
            .blurb("Interval at which the position is written to the journal, in nanoseconds")
            .minimum(100_000_000)
            .default_value(default.checkpoint_interval.nseconds())
            .mutable_ready()
            .build(),
        time(
            "drain-timeout",
            "Drain timeout",
            "Time that shutdown waits for the LRS, in nanoseconds; the journal keeps what is left",
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
