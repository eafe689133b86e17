// SPDX-License-Identifier: MPL-2.0

//! Reads ranges of the file: from upstream in blocks, or from what upstream pushed.

use std::sync::Arc;

use gst::prelude::*;

use super::flow::Stop;

/// Bytes asked from upstream at once; many times the size of a packet.
const BLOCK: u32 = 256 * 1024;

/// The bytes of the recording.
#[derive(Clone)]
pub enum Source {
    /// Upstream serves any range.
    Pull(gst::Pad),
    /// Upstream pushed the whole file.
    Memory(Arc<Vec<u8>>),
}

/// The last block that upstream served.
pub struct Block {
    start: u64,
    bytes: gst::MappedBuffer<gst::buffer::Readable>,
}

impl Block {
    fn range(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}

impl Source {
    /// Returns the bytes from `offset` on, as many as are served at once; none at the end.
    pub fn next(
        &self,
        offset: u64,
        use_bytes: &mut dyn FnMut(&[u8]),
    ) -> Result<usize, gst::FlowError> {
        match self {
            Source::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = bytes.get(start..).unwrap_or_default();
                use_bytes(rest);
                Ok(rest.len())
            }
            Source::Pull(pad) => match pull(pad, offset) {
                Ok(block) => {
                    use_bytes(&block.bytes);
                    Ok(block.bytes.len())
                }
                Err(gst::FlowError::Eos) => Ok(0),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns the range of the file; `block` keeps what was read beyond it.
    pub fn range(
        &self,
        offset: u64,
        length: usize,
        block: &mut Option<Block>,
    ) -> Result<Vec<u8>, Stop> {
        let range = match self {
            Source::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let range = bytes.get(start..start.saturating_add(length));
                range.map(<[u8]>::to_vec)
            }
            Source::Pull(pad) => {
                if block
                    .as_ref()
                    .and_then(|block| block.range(offset, length))
                    .is_none()
                {
                    *block = match pull(pad, offset) {
                        Ok(pulled) => Some(pulled),
                        Err(gst::FlowError::Eos) => None,
                        Err(error) => return Err(error.into()),
                    };
                }
                let found = block.as_ref().and_then(|block| block.range(offset, length));
                found.map(<[u8]>::to_vec)
            }
        };
        range.ok_or_else(|| {
            Stop::Failed(gst::error_msg!(
                gst::ResourceError::Read,
                ("The recording became shorter while it was read, at byte {offset}")
            ))
        })
    }
}

fn pull(pad: &gst::Pad, offset: u64) -> Result<Block, gst::FlowError> {
    let buffer = pad.pull_range(offset, BLOCK)?;
    let bytes = buffer
        .into_mapped_buffer_readable()
        .map_err(|_| gst::FlowError::Error)?;
    Ok(Block {
        start: offset,
        bytes,
    })
}
