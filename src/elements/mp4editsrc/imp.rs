// SPDX-License-Identifier: MPL-2.0

//! Lock order: `settings` and `open` are never held together, nor while something is posted.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::CreateSuccess;
use gst_base::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::elements::shared::lock::lock;
use crate::source::edits::{self, Overlay};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "mp4editsrc",
        gst::DebugColorFlags::empty(),
        Some("MP4 source that has edit lists obeyed"),
    )
});

/// The file while it is open.
struct Open {
    file: File,
    /// Bytes of the file itself.
    length: u64,
    overlay: Option<Overlay>,
}

impl Open {
    fn new(location: &str) -> io::Result<Self> {
        let mut file = File::open(location)?;
        let length = file.seek(SeekFrom::End(0))?;
        let overlay = edits::overlay(&mut file);
        Ok(Open {
            file,
            length,
            overlay,
        })
    }

    /// The number of bytes that can be read.
    fn size(&self) -> u64 {
        self.overlay.as_ref().map_or(self.length, Overlay::length)
    }

    /// Reads up to `length` bytes; none at the end.
    fn read(&mut self, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let length = self.size().saturating_sub(offset).min(u64::from(length));
        let own = self.length.saturating_sub(offset).min(length);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.by_ref().take(own).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == own {
            bytes.resize(usize::try_from(length).unwrap_or_default(), 0);
        }
        if let Some(overlay) = &self.overlay {
            overlay.apply(offset, &mut bytes);
        }
        Ok(bytes)
    }
}

#[derive(Default)]
pub struct Mp4EditSrc {
    settings: Mutex<Option<String>>,
    open: Mutex<Option<Open>>,
}

#[glib::object_subclass]
impl ObjectSubclass for Mp4EditSrc {
    const NAME: &'static str = "GstMp4EditSrc";
    type Type = super::Mp4EditSrc;
    type ParentType = gst_base::BaseSrc;
}

impl ObjectImpl for Mp4EditSrc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecString::builder("location")
                    .nick("File location")
                    .blurb("Path of the file to read (default: none, which is an error)")
                    .mutable_ready()
                    .build(),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
        *lock(&self.settings) = value.get().ok().flatten();
    }

    fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).to_value()
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_format(gst::Format::Bytes);
    }
}

impl GstObjectImpl for Mp4EditSrc {}

impl ElementImpl for Mp4EditSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "MP4 edit list source",
                "Source/File",
                "Reads an MP4 file so that the demuxer obeys its edit lists and the byte order of its samples",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &gst::Caps::new_any(),
            )
            .into_iter()
            .collect()
        });
        TEMPLATES.as_ref()
    }
}

impl BaseSrcImpl for Mp4EditSrc {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let Some(location) = lock(&self.settings).clone() else {
            return Err(gst::error_msg!(
                gst::ResourceError::NotFound,
                ("mp4editsrc has no location; set it to a file")
            ));
        };
        let open = Open::new(&location).map_err(|error| {
            gst::error_msg!(
                gst::ResourceError::OpenRead,
                ("{location} cannot be opened: {error}")
            )
        })?;
        let is_changed = open.overlay.is_some();
        gst::info!(CAT, imp = self, "the header is written anew: {is_changed}");
        *lock(&self.open) = Some(open);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.open) = None;
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn size(&self) -> Option<u64> {
        lock(&self.open).as_ref().map(Open::size)
    }

    fn create(
        &self,
        offset: u64,
        _buffer: Option<&mut gst::BufferRef>,
        length: u32,
    ) -> Result<CreateSuccess, gst::FlowError> {
        let read = match lock(&self.open).as_mut() {
            Some(open) => open.read(offset, length),
            None => return Err(gst::FlowError::Flushing),
        };
        let bytes = read.map_err(|error| {
            let message = gst::error_msg!(
                gst::ResourceError::Read,
                ("the file cannot be read at byte {offset}: {error}")
            );
            self.post_error_message(message);
            gst::FlowError::Error
        })?;
        if bytes.is_empty() {
            return Err(gst::FlowError::Eos);
        }
        let size = bytes.len() as u64;
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_offset(offset);
            buffer.set_offset_end(offset + size);
        }
        Ok(CreateSuccess::NewBuffer(buffer))
    }
}
