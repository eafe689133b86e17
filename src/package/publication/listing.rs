// SPDX-License-Identifier: MPL-2.0

//! Files at a destination that were published: nothing else is ever removed from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::package::names;

/// Path of the listing at the destination.
pub const LISTING: &str = "published.json";

/// Version of the listing's format.
const FORM: u32 = 1;

/// A day in seconds.
const DAY: u64 = 86_400;

/// The files that were published to a destination. The listing is written before the first file
/// that it lists, and removed after the last one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listing {
    /// Version of this format, 1.
    pub form: u32,
    /// Program that wrote it, and its version.
    pub generator: String,
    /// Files by path.
    pub files: BTreeMap<String, Listed>,
}

/// A published file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listed {
    /// Size in bytes.
    pub bytes: u64,
    /// Time since when it belongs to an earlier version, in seconds since 1970; `None` for the
    /// current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

impl Default for Listing {
    fn default() -> Self {
        Listing {
            form: FORM,
            generator: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
            files: BTreeMap::new(),
        }
    }
}

impl Listing {
    /// Parses a listing. Returns `None` if it is not one, is of another version, or refers to a
    /// file outside of the destination.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let listing: Listing = serde_json::from_slice(bytes).ok()?;
        let lies_here = |path: &String| {
            let mut parts = path.split('/');
            parts.all(|part| !["", ".", ".."].contains(&part)) && !path.contains(['\n', '\r'])
        };
        (listing.form == FORM && listing.files.keys().all(lies_here)).then_some(listing)
    }

    /// Writes the listing as a file.
    pub fn to_json(&self) -> Vec<u8> {
        // Everything in a listing can be written as JSON.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Returns the listing with the files of a version that is about to be sent.
    pub fn with(&self, files: &BTreeMap<String, u64>) -> Self {
        let mut listing = Listing {
            files: self.files.clone(),
            ..Listing::default()
        };
        let new = files
            .iter()
            .map(|(path, &bytes)| (path.clone(), Listed { bytes, left: None }));
        listing.files.extend(new);
        listing
    }

    /// Returns the listing after the version with these files is complete. All others belong to
    /// earlier versions since `now`, or since they were marked.
    pub fn switched(&self, files: &BTreeMap<String, u64>, now: u64) -> Self {
        let mut listing = self.with(files);
        for (path, listed) in &mut listing.files {
            if !files.contains_key(path) {
                listed.left = listed.left.or(Some(now));
            }
        }
        listing
    }

    /// Returns the files that have belonged to earlier versions for at least this many days.
    pub fn left_for(&self, days: u64, now: u64) -> Vec<String> {
        let is_due = |left: u64| now.saturating_sub(left) >= days.saturating_mul(DAY);
        let files = self.files.iter();
        files
            .filter(|(_, listed)| listed.left.is_some_and(is_due))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Returns number and size of the files of earlier versions.
    pub fn earlier(&self) -> (usize, u64) {
        let left = self.files.values().filter(|listed| listed.left.is_some());
        left.fold((0, 0), |(files, bytes), listed| {
            (files + 1, bytes + listed.bytes)
        })
    }

    /// Returns all files in the order of removal: first those that refer to the others.
    pub fn removal(&self) -> (Vec<String>, Vec<String>) {
        let is_entry = |path: &String| {
            [names::MULTIVARIANT, names::DASH, names::MANIFEST].contains(&&path[..])
        };
        self.files.keys().cloned().partition(is_entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> BTreeMap<String, u64> {
        paths.iter().map(|path| ((*path).to_owned(), 10)).collect()
    }

    #[test]
    fn what_is_not_named_is_kept_for_a_time() {
        let first = Listing::default()
            .with(&files(&["a", "b"]))
            .switched(&files(&["a", "b"]), 0);
        assert_eq!(first.earlier(), (0, 0));
        let second = first.with(&files(&["b", "c"]));
        assert_eq!(
            second.earlier(),
            (0, 0),
            "the earlier version is still in use"
        );
        let second = second.switched(&files(&["b", "c"]), 100);
        assert_eq!(second.earlier(), (1, 10));
        // The day counts from the replacement, not from the last publication.
        let third = second.switched(&files(&["b"]), 100 + DAY);
        assert_eq!(third.left_for(1, 100 + DAY), ["a"]);
        assert_eq!(third.left_for(0, 100 + DAY), ["a", "c"]);
        // A file that is used again is no longer marked.
        let again = third.switched(&files(&["a"]), 200 + DAY);
        assert_eq!(again.left_for(0, 200 + DAY), ["b", "c"]);
        assert_eq!(Listing::read(&again.to_json()), Some(again));
    }

    #[test]
    fn a_listing_that_names_what_lies_elsewhere_is_none() {
        for path in ["../a", "/a", "a//b", "./a", "a\nb", ""] {
            let listing = Listing::default().with(&files(&[path]));
            assert_eq!(Listing::read(&listing.to_json()), None, "{path:?}");
        }
        assert_eq!(Listing::read(b"{}"), None);
    }

    #[test]
    fn playlists_are_removed_first() {
        let listing = Listing::default().with(&files(&["a.m4s", names::MULTIVARIANT, "z"]));
        let (first, rest) = listing.removal();
        assert_eq!(first, [names::MULTIVARIANT]);
        assert_eq!(rest, ["a.m4s", "z"]);
    }
}
