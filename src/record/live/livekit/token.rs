// SPDX-License-Identifier: MPL-2.0

//! Access tokens of LiveKit: JSON Web Tokens (RFC 7519) that are signed with HS256.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Size of a block of SHA-256 in bytes.
const BLOCK: usize = 64;

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant<'a> {
    /// To join a room as a recorder of this identity, which nobody in the room sees and which publishes
    /// nothing.
    Record { identity: &'a str },
    /// To ask who is in a room.
    Look,
}

/// Makes a token for a room. `expires` is in seconds since 1970.
pub fn sign(key: &str, secret: &str, room: &str, grant: Grant, expires: u64) -> String {
    let claims = match grant {
        Grant::Record { identity } => json!({
            "iss": key, "sub": identity, "exp": expires, "kind": "egress", "name": "recorder",
            "video": {
                "roomJoin": true, "room": room, "canSubscribe": true, "canPublish": false,
                "canPublishData": false, "hidden": true, "recorder": true,
            },
        }),
        Grant::Look => json!({
            "iss": key, "exp": expires,
            "video": { "roomAdmin": true, "roomList": true, "room": room },
        }),
    };
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "alg": "HS256", "typ": "JWT" }));
    let signed = format!("{head}.{}", part(&claims));
    let signature = hmac(secret.as_bytes(), signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the HMAC (RFC 2104) with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let digest = Sha256::digest(key);
    let key = if key.len() > BLOCK { &digest[..] } else { key };
    let padded = |with: u8| {
        let rest = std::iter::repeat_n(&0_u8, BLOCK.saturating_sub(key.len()));
        let bytes = key.iter().chain(rest).map(|byte| byte ^ with);
        bytes.collect::<Vec<u8>>()
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text);
    let outer = Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner.finalize());
    outer.finalize().into()
}

/// What a token says of itself. Only the server can tell whether it is true.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// Seconds since 1970 from which on it is refused.
    pub expires: Option<u64>,
    /// The only room that it is for.
    pub room: Option<String>,
    pub may_join: bool,
    pub may_subscribe: bool,
    /// It allows to ask who is in the room.
    pub may_look: bool,
    /// Nobody in the room sees who joins with it.
    pub is_hidden: bool,
}

impl Claims {
    /// Reads a token. It is absent if the text is none.
    pub fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Value = serde_json::from_slice(&claims).ok()?;
        let video = claims.get("video")?;
        let is_set = |name: &str| video.get(name).and_then(Value::as_bool);
        let room = video.get("room").and_then(Value::as_str);
        Some(Claims {
            expires: claims.get("exp").and_then(Value::as_u64),
            room: room.filter(|room| !room.is_empty()).map(str::to_owned),
            may_join: is_set("roomJoin") == Some(true),
            may_subscribe: is_set("canSubscribe") != Some(false),
            may_look: is_set("roomAdmin") == Some(true),
            is_hidden: is_set("hidden") == Some(true),
        })
    }

    /// Holds the token against what is asked. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// It cannot record this room. The text is why.
    pub fn check(&self, room: &str, now: u64) -> Result<(), String> {
        if self.expires.is_some_and(|expires| expires <= now) {
            return Err("the token has expired".into());
        }
        match &self.room {
            Some(own) if own != room => return Err(format!("the token is for the room {own}")),
            _ => {}
        }
        if !self.may_join {
            return Err("the token does not allow to join a room (roomJoin)".into());
        }
        if !self.may_subscribe {
            return Err("the token does not allow to receive tracks (canSubscribe)".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test cases 2 and 6, and the token of RFC 7515 A.1.
    #[test]
    fn the_signature_is_that_of_the_standards() {
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = "Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(&hmac(&[0xaa; 131], long.as_bytes())),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = BASE64_URL_SAFE_NO_PAD.decode(key).expect("a key");
        let text = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(hmac(&key, text.as_bytes())),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }

    #[test]
    fn a_recorder_is_hidden_and_publishes_nothing() {
        let token = sign(
            "key",
            "secret",
            "class",
            Grant::Record { identity: "rec" },
            99,
        );
        assert!(!token.contains("secret"));
        let claims = Claims::read(&token).expect("a token");
        assert_eq!(
            claims,
            Claims {
                expires: Some(99),
                room: Some("class".into()),
                may_join: true,
                may_subscribe: true,
                may_look: false,
                is_hidden: true,
            }
        );
        let payload = token.split('.').nth(1).expect("three parts");
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        assert_eq!(
            (&payload["kind"], &payload["sub"]),
            (&json!("egress"), &json!("rec"))
        );
        assert_eq!(payload["video"]["canPublish"], json!(false));
        let look = sign("key", "secret", "class", Grant::Look, 99);
        let look = Claims::read(&look).expect("a token");
        assert!(look.may_look && !look.may_join);
    }

    #[test]
    fn a_token_that_cannot_record_says_why() {
        let token = |video: &str| {
            let claims = format!("{{\"exp\":50,\"video\":{video}}}");
            format!("e30.{}.x", BASE64_URL_SAFE_NO_PAD.encode(claims))
        };
        let check = |video: &str, now: u64| {
            let claims = Claims::read(&token(video)).expect("a token");
            claims.check("class", now).err().unwrap_or_default()
        };
        assert_eq!(check("{\"roomJoin\":true,\"room\":\"class\"}", 49), "");
        assert!(check("{\"roomJoin\":true}", 50).contains("expired"));
        assert!(check("{\"roomJoin\":true,\"room\":\"b\"}", 1).contains("the room b"));
        assert!(check("{}", 1).contains("roomJoin"));
        assert!(check("{\"roomJoin\":true,\"canSubscribe\":false}", 1).contains("canSubscribe"));
        for none in ["", "a.b", "a.b.c", "a.e30.c"] {
            assert_eq!(Claims::read(none), None, "{none}");
        }
    }
}
