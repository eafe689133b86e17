// SPDX-License-Identifier: MPL-2.0

//! The JSON that lies beside media: a package's manifest, and the listing of a published one.

use gstlecture::package::manifest::{MadeFrom, Manifest};
use gstlecture::package::publication::listing::Listing;

pub fn run(file: &[u8]) {
    if let Ok(manifest) = serde_json::from_slice::<Manifest>(file) {
        let _ = manifest.played_by_all();
        let _ = manifest.programme(Some((30_000, 1001)), |_, _| None);
        let _ = manifest.each_made_from.as_ref().map(MadeFrom::cut_list);
        serde_json::from_slice::<Manifest>(&manifest.to_json()).expect("it was written");
    }
    if let Some(listing) = Listing::read(file) {
        let _ = (
            listing.left_for(30, u64::MAX),
            listing.earlier(),
            listing.removal(),
        );
        assert_eq!(Listing::read(&listing.to_json()), Some(listing));
    }
}
