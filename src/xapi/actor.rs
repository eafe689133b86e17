// SPDX-License-Identifier: MPL-2.0

//! The actor of a statement: the viewer.

use std::fmt;

use serde_json::{Value, json};

use super::iri::is_iri;

/// An actor that no LRS accepts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ActorError {
    /// Neither a `mailto:` address nor a JSON object; contains the parser's message.
    NotJson(String),
    /// An object without one of mbox, mbox_sha1sum, openid and account.
    NoIdentifier,
    /// More than one of them.
    SeveralIdentifiers,
    /// A malformed identifier; contains its name.
    Malformed(&'static str),
    /// A group, which cannot watch a video.
    NotAnAgent,
}

impl fmt::Display for ActorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActorError::NotJson(words) => {
                write!(
                    f,
                    "the actor is neither mailto:… nor a JSON object: {words}"
                )
            }
            ActorError::NoIdentifier => f.write_str(
                "the actor has no identifier: give it one of mbox, mbox_sha1sum, openid, account",
            ),
            ActorError::SeveralIdentifiers => {
                f.write_str("the actor has several identifiers: give only one")
            }
            ActorError::Malformed(name) => write!(f, "the actor's {name} is malformed"),
            ActorError::NotAnAgent => f.write_str("the actor's objectType is not Agent"),
        }
    }
}

impl std::error::Error for ActorError {}

/// Parses an actor: `mailto:ada@example.org`, or an Agent as JSON.
pub fn actor(text: &str) -> Result<Value, ActorError> {
    let text = text.trim();
    let agent = if text.starts_with("mailto:") {
        json!({"objectType": "Agent", "mbox": text})
    } else {
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => value,
            Ok(_) => return Err(ActorError::NotJson("the value is of another kind".into())),
            Err(error) => return Err(ActorError::NotJson(error.to_string())),
        }
    };
    check(&agent)?;
    Ok(agent)
}

/// Checks the inverse functional identifier of an Agent (xAPI 1.0.3, part 2, 2.4.2.3).
pub(super) fn check(agent: &Value) -> Result<(), ActorError> {
    if !matches!(
        agent.get("objectType").map(Value::as_str),
        None | Some(Some("Agent"))
    ) {
        return Err(ActorError::NotAnAgent);
    }
    const NAMES: [&str; 4] = ["mbox", "mbox_sha1sum", "openid", "account"];
    let mut found = NAMES
        .into_iter()
        .filter_map(|name| Some((name, agent.get(name)?)));
    let (name, value) = found.next().ok_or(ActorError::NoIdentifier)?;
    if found.next().is_some() {
        return Err(ActorError::SeveralIdentifiers);
    }
    let text = value.as_str().unwrap_or_default();
    let well_formed = match name {
        "mbox" => text
            .strip_prefix("mailto:")
            .and_then(|address| address.split_once('@'))
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && is_iri(text)),
        "mbox_sha1sum" => text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit()),
        "openid" => is_iri(text),
        _ => {
            let part = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
            is_iri(part("homePage")) && !part("name").is_empty()
        }
    };
    if well_formed {
        Ok(())
    } else {
        Err(ActorError::Malformed(name))
    }
}

/// Returns the identifier alone, as text that is equal for the same person.
pub(super) fn identity(agent: &Value) -> String {
    ["mbox", "mbox_sha1sum", "openid", "account"]
        .into_iter()
        .find_map(|name| {
            let value = agent.get(name)?;
            Some(match value.as_str() {
                Some(text) => format!("{name} {text}"),
                None => format!("{name} {} {}", value["homePage"], value["name"]),
            })
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_agent() {
        let agent = actor("mailto:ada@example.org").expect("valid");
        assert_eq!(agent["mbox"], "mailto:ada@example.org");
        assert_eq!(agent["objectType"], "Agent");
    }

    #[test]
    fn an_account_is_an_agent_and_its_name_is_no_part_of_its_identity() {
        let one = actor(r#"{"account":{"homePage":"https://lms.example","name":"7"},"name":"A"}"#);
        let two = actor(r#"{"name":"B","account":{"name":"7","homePage":"https://lms.example"}}"#);
        assert_eq!(
            identity(&one.expect("valid")),
            identity(&two.expect("valid"))
        );
    }

    #[test]
    fn each_fault_is_named() {
        assert!(matches!(actor("ada"), Err(ActorError::NotJson(_))));
        assert!(matches!(actor("[]"), Err(ActorError::NotJson(_))));
        assert_eq!(actor(r#"{"name":"Ada"}"#), Err(ActorError::NoIdentifier));
        assert_eq!(
            actor(r#"{"mbox":"mailto:a@b","openid":"https://a.example"}"#),
            Err(ActorError::SeveralIdentifiers)
        );
        for (text, name) in [
            ("mailto:ada", "mbox"),
            (r#"{"mbox":"ada@example.org"}"#, "mbox"),
            (r#"{"mbox_sha1sum":"abc"}"#, "mbox_sha1sum"),
            (r#"{"openid":"ada"}"#, "openid"),
            (r#"{"account":{"homePage":"https://a.example"}}"#, "account"),
        ] {
            assert_eq!(actor(text), Err(ActorError::Malformed(name)), "{text}");
        }
        assert_eq!(
            actor(r#"{"objectType":"Group","mbox":"mailto:a@b"}"#),
            Err(ActorError::NotAnAgent)
        );
    }
}
