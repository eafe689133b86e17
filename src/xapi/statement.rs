// SPDX-License-Identifier: MPL-2.0

//! A statement: its identifier and its exact bytes.

use serde_json::{Map, Value, json};

use super::{Plan, Uuid, Verb, facts::speed, iri, segments, units};

/// A finished statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    pub id: Uuid,
    pub verb: Verb,
    /// The JSON that is sent, and sent again, byte for byte.
    pub json: String,
}

/// Contents of a statement; the caller adds the parts that its verb requires.
pub(super) struct Draft<'a> {
    pub verb: Verb,
    pub id: Uuid,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    pub session: Uuid,
    pub registration: Uuid,
    /// Whether the registration has had a session before this one.
    pub subregistration: bool,
    /// Length in milliseconds.
    pub length: u64,
    pub result: Map<String, Value>,
    pub context: Map<String, Value>,
    pub plan: &'a Plan,
}

impl Draft<'_> {
    pub fn finish(self) -> Statement {
        let mut extensions = Map::new();
        extensions.insert(iri::SESSION_ID.into(), self.session.to_string().into());
        extensions.insert(iri::LENGTH.into(), units::seconds(self.length));
        let says_threshold = matches!(
            self.verb,
            Verb::Initialized | Verb::Paused | Verb::Completed | Verb::Terminated
        );
        if says_threshold && self.plan.threshold != 1000 {
            extensions.insert(
                iri::COMPLETION_THRESHOLD.into(),
                units::seconds(self.plan.threshold.into()),
            );
        }
        extensions.extend(self.context);
        if self.subregistration {
            extensions.insert(
                iri::SUBREGISTRATION.into(),
                json!([{"profile": iri::PROFILE_VERSION, "subregistration": self.session.to_string()}]),
            );
        }

        let mut definition = Map::new();
        definition.insert("type".into(), iri::VIDEO.into());
        if let Some(name) = &self.plan.activity_name {
            definition.insert("name".into(), json!({ "und": name }));
        }
        let mut statement = Map::new();
        statement.insert("id".into(), self.id.to_string().into());
        statement.insert("actor".into(), self.plan.actor.clone());
        statement.insert(
            "verb".into(),
            json!({"id": self.verb.iri(), "display": {"en": self.verb.name()}}),
        );
        statement.insert(
            "object".into(),
            json!({"objectType": "Activity", "id": self.plan.activity_id, "definition": definition}),
        );
        if !self.result.is_empty() {
            statement.insert("result".into(), self.result.into());
        }
        statement.insert(
            "context".into(),
            json!({
                "registration": self.registration.to_string(),
                "contextActivities": {
                    "category": [{"id": iri::PROFILE}, {"id": iri::PROFILE_VERSION}]
                },
                "extensions": extensions,
            }),
        );
        statement.insert("timestamp".into(), units::timestamp(self.timestamp).into());
        Statement {
            id: self.id,
            verb: self.verb,
            json: Value::Object(statement).to_string(),
        }
    }
}

/// Returns result extensions for positions in the video.
pub(super) fn times(times: &[(&str, u64)]) -> Map<String, Value> {
    times
        .iter()
        .map(|&(name, ms)| (name.to_owned(), units::seconds(ms)))
        .collect()
}

/// Adds the played segments, and their share of the video.
pub(super) fn add_played(
    extensions: &mut Map<String, Value>,
    played: &[segments::Segment],
    length: u64,
) {
    let covered = segments::covered(played.iter().copied(), length);
    let progress = segments::progress(covered, length);
    extensions.insert(iri::PROGRESS.into(), units::seconds(progress.into()));
    extensions.insert(
        iri::PLAYED_SEGMENTS.into(),
        segments::to_text(played.iter().copied()).into(),
    );
}

/// Returns the context extension with the playback rate.
pub(super) fn speed_context(rate: f64) -> Map<String, Value> {
    Map::from_iter([(iri::SPEED.to_owned(), speed(rate))])
}
