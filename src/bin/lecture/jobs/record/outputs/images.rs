// SPDX-License-Identifier: MPL-2.0

//! Writes still images, each whole.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gstlecture::record::live::Snapshots;
use gstlecture::timeline::Time;

use super::parts::Writer;
use crate::error::Error;
use crate::fs::AtomicFile;

pub struct Images {
    pub folder: PathBuf,
    /// Names the images.
    pub shots: Arc<Mutex<Snapshots>>,
}

impl Writer for Images {
    fn take(&mut self, buffers: &[gst::Buffer]) -> Result<(), Error> {
        for buffer in buffers {
            let time = buffer.pts().unwrap_or_default().nseconds();
            let name = {
                let shots = self.shots.lock().unwrap_or_else(PoisonError::into_inner);
                shots.name(Time::from_nanos(time))
            };
            if let Ok(map) = buffer.map_readable() {
                AtomicFile::write(&self.folder.join(name), &*map)?;
            }
        }
        Ok(())
    }
}
