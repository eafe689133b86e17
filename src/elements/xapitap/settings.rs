// SPDX-License-Identifier: MPL-2.0

//! The user's settings, and values derived from them.

use std::{fs, path::PathBuf};

use gst::glib;

use crate::{
    delivery::{Credentials, Endpoint, Secret},
    timeline::{CutList, Span, Time},
    xapi::{Plan, Uuid, actor, iri::is_iri},
};

/// The xAPI version to use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstXapiTapVersion")]
pub enum Version {
    #[default]
    #[enum_value(name = "Ask the LRS", nick = "auto")]
    Auto,
    #[enum_value(name = "xAPI 1.0.3", nick = "1.0.3")]
    V1,
    #[enum_value(name = "xAPI 2.0 (IEEE 9274.1.1)", nick = "2.0.0")]
    V2,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub activity_id: Option<String>,
    pub activity_name: Option<String>,
    pub actor: Option<String>,
    pub registration: Option<String>,
    pub length: gst::ClockTime,
    pub completion_threshold: f64,
    pub require_check: bool,
    pub check_suffices: bool,
    pub min_rate: f64,
    pub max_rate: f64,
    pub manifest_location: Option<String>,
    pub endpoint: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub token: Option<String>,
    pub version: Version,
    pub journal: Option<String>,
    pub checkpoint_interval: gst::ClockTime,
    pub drain_timeout: gst::ClockTime,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            activity_id: None,
            activity_name: None,
            actor: None,
            registration: None,
            length: gst::ClockTime::ZERO,
            completion_threshold: 1.0,
            require_check: false,
            check_suffices: false,
            min_rate: 0.25,
            max_rate: 4.0,
            manifest_location: None,
            endpoint: None,
            username: None,
            password: None,
            token: None,
            version: Version::Auto,
            journal: None,
            checkpoint_interval: gst::ClockTime::from_seconds(5),
            drain_timeout: gst::ClockTime::from_seconds(2),
        }
    }
}

impl Settings {
    /// Returns the plan of what is reported; the error names the property to set.
    pub fn plan(&self) -> Result<Plan, String> {
        let agent = self
            .actor
            .as_deref()
            .ok_or("set the property actor: the viewer")?;
        let activity_id = self
            .activity_id
            .as_deref()
            .ok_or("set the property activity-id: the IRI of the video")?;
        if !is_iri(activity_id) {
            return Err(format!("the activity-id `{activity_id}` is not an IRI"));
        }
        if self.min_rate > self.max_rate {
            return Err(format!(
                "min-rate {} is above max-rate {}: nothing would be watched",
                self.min_rate, self.max_rate
            ));
        }
        Ok(Plan {
            actor: actor(agent).map_err(|error| error.to_string())?,
            activity_id: activity_id.to_owned(),
            activity_name: self.activity_name.clone(),
            threshold: (self.completion_threshold * 1000.0).round() as u16,
            require_check: self.require_check,
            check_suffices: self.check_suffices,
            rates: (self.min_rate, self.max_rate),
        })
    }

    pub fn registration(&self) -> Result<Option<Uuid>, String> {
        self.registration
            .as_deref()
            .map(|text| {
                Uuid::parse(text).ok_or_else(|| format!("the registration `{text}` is not a UUID"))
            })
            .transpose()
    }

    /// Returns the spans of the recording that the published video keeps, according to its
    /// package's manifest.
    pub fn kept(&self) -> Result<Option<CutList>, String> {
        let Some(location) = &self.manifest_location else {
            return Ok(None);
        };
        let trouble = |words: &dyn std::fmt::Display| format!("the manifest {location}: {words}");
        let text = fs::read_to_string(location).map_err(|error| trouble(&error))?;
        let manifest: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| trouble(&error))?;
        let spans = manifest["kept"]
            .as_array()
            .ok_or_else(|| trouble(&"it lists no kept spans"))?;
        let spans = spans.iter().map(|span| {
            let time = |name: &str| span[name].as_f64().map(Time::from_secs_f64);
            time("start")
                .zip(time("end"))
                .map(|(start, end)| Span::new(start, end))
        });
        let spans: Vec<Span> = spans
            .collect::<Option<_>>()
            .ok_or_else(|| trouble(&"a kept span has no start or end"))?;
        CutList::new(spans)
            .map(Some)
            .map_err(|error| trouble(&error))
    }

    pub fn folder(&self) -> Option<PathBuf> {
        self.journal.as_ref().map(PathBuf::from)
    }

    /// Returns the endpoint and the credentials for the delivery.
    pub fn delivery(&self) -> Result<Option<(Endpoint, Credentials)>, String> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(None);
        };
        let endpoint = Endpoint::parse(endpoint)?;
        let credentials = match (&self.token, &self.username, &self.password) {
            (Some(token), _, _) => Credentials::Bearer(Secret::read(token)?),
            (None, Some(username), password) => Credentials::Basic {
                username: Secret::read(username)?,
                password: Secret::read(password.as_deref().unwrap_or_default())?,
            },
            (None, None, _) => Credentials::None,
        };
        Ok(Some((endpoint, credentials)))
    }

    pub fn version(&self) -> Option<&'static str> {
        match self.version {
            Version::Auto => None,
            Version::V1 => Some("1.0.3"),
            Version::V2 => Some("2.0.0"),
        }
    }
}
