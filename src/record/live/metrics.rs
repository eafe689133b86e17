// SPDX-License-Identifier: MPL-2.0

//! Numbers of a recorder in the text format of Prometheus (version 0.0.4).

use std::fmt::Write;

/// The numbers of a recording so far.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub room: String,
    /// The state by the names of LiveKit Egress.
    pub state: String,
    pub seconds: f64,
    /// Tracks that were started.
    pub tracks: u64,
    /// Frames that were written.
    pub frames: u64,
    /// Frames that were dropped before a key frame or during a pause.
    pub dropped: u64,
    /// Key frames that senders were asked for (PLI).
    pub requests: u64,
    /// Times at which packets were lost.
    pub losses: u64,
    /// Bytes of the files.
    pub size: u64,
    /// Bytes that are free on the disk, if it is known.
    pub free: Option<u64>,
}

impl Metrics {
    /// Returns the text of `/health`.
    pub fn health(&self) -> String {
        format!("{}\n", self.state)
    }

    /// Returns the text of `/metrics`.
    pub fn to_text(&self) -> String {
        let is_active = self.state == "EGRESS_ACTIVE";
        let whole = |number: u64| Some(number.to_string());
        let free = self.free.and_then(whole);
        let rows = [
            (
                "recordings",
                "gauge",
                "Recordings with media now",
                whole(is_active.into()),
            ),
            (
                "recording_seconds",
                "gauge",
                "Length of the recording",
                Some(format!("{:.3}", self.seconds)),
            ),
            (
                "recording_tracks_total",
                "counter",
                "Tracks that were started",
                whole(self.tracks),
            ),
            (
                "recording_frames_total",
                "counter",
                "Frames that were written",
                whole(self.frames),
            ),
            (
                "recording_dropped_frames_total",
                "counter",
                "Frames dropped before a key frame or during a pause",
                whole(self.dropped),
            ),
            (
                "recording_key_frame_requests_total",
                "counter",
                "Key frames that senders were asked for (PLI)",
                whole(self.requests),
            ),
            (
                "recording_losses_total",
                "counter",
                "Times at which packets were lost",
                whole(self.losses),
            ),
            (
                "recording_bytes",
                "gauge",
                "Size of the files",
                whole(self.size),
            ),
            (
                "disk_free_bytes",
                "gauge",
                "Free space of the disk of the recording",
                free,
            ),
        ];
        let room = escape(&self.room);
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            if let Some(value) = value {
                // Writing into memory does not fail.
                let _ = write!(
                    text,
                    "# HELP lecture_{name} {help}.\n# TYPE lecture_{name} {kind}\n\
                     lecture_{name}{{room=\"{room}\"}} {value}\n"
                );
            }
        }
        text
    }
}

fn escape(label: &str) -> String {
    let label = label.replace('\\', "\\\\").replace('"', "\\\"");
    label.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_help_and_its_type() {
        let metrics = Metrics {
            room: "a \"b\"\\".into(),
            state: "EGRESS_ACTIVE".into(),
            seconds: 1.5,
            frames: 7,
            ..Metrics::default()
        };
        let text = metrics.to_text();
        assert!(
            text.contains("lecture_recordings{room=\"a \\\"b\\\"\\\\\"} 1\n"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE lecture_recording_frames_total counter\n"),
            "{text}"
        );
        assert!(
            text.contains("lecture_recording_seconds{room=\"a \\\"b\\\"\\\\\"} 1.500\n"),
            "{text}"
        );
        assert!(!text.contains("disk_free"), "{text}");
        assert_eq!(text.lines().count(), 3 * 8);
    }
}
