// SPDX-License-Identifier: MPL-2.0

//! Identifiers of statements, sessions and registrations.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A UUID. New ones are version 4 and made from random bytes that the caller provides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Makes a version 4 UUID (RFC 9562, 5.4) from 16 random bytes.
    pub const fn v4(mut random: [u8; 16]) -> Self {
        random[6] = random[6] & 0x0f | 0x40;
        random[8] = random[8] & 0x3f | 0x80;
        Uuid(random)
    }

    /// Parses the form with four hyphens, in either case; returns `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return None;
        }
        let mut digits = [0; 32];
        let mut count = 0;
        for (index, &byte) in text.iter().enumerate() {
            if matches!(index, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
            } else {
                digits[count] = (byte as char).to_digit(16)? as u8;
                count += 1;
            }
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Some(Uuid(bytes))
    }

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Uuid(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns whether version and variant are those of a random UUID.
    pub const fn is_v4(self) -> bool {
        self.0[6] >> 4 == 4 && self.0[8] >> 6 == 2
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<Uuid> for String {
    fn from(uuid: Uuid) -> Self {
        uuid.to_string()
    }
}

impl TryFrom<String> for Uuid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Uuid::parse(&text).ok_or_else(|| format!("`{text}` is not a UUID"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_of_random_bytes_and_read_back() {
        let uuid = Uuid::v4([0xff; 16]);
        assert_eq!(uuid.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert!(uuid.is_v4());
        assert_eq!(Uuid::parse(&uuid.to_string().to_uppercase()), Some(uuid));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "ffffffff-ffff-4fff-bfff-fffffffffff",
            "fffffffffffff-4fff-bfff-ffffffffffff-",
        ] {
            assert_eq!(Uuid::parse(text), None, "{text}");
        }
        let v1 = Uuid::parse("c232ab00-9414-11ec-b3c8-9f6bdeced846").expect("a UUID");
        assert!(!v1.is_v4());
    }
}
