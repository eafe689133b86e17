// SPDX-License-Identifier: MPL-2.0

//! Reasons to stop reading.

/// The reason for which the streaming thread stops.
#[derive(Debug)]
pub enum Stop {
    /// Everything that was asked for was sent.
    End,
    /// A flush, or the element goes to READY.
    Flushing,
    /// The recording cannot be demuxed; the message is for the user.
    Failed(gst::ErrorMessage),
    /// Upstream or downstream refused.
    Flow(gst::FlowError),
}

impl From<gst::FlowError> for Stop {
    fn from(error: gst::FlowError) -> Self {
        match error {
            gst::FlowError::Flushing => Stop::Flushing,
            gst::FlowError::Eos => Stop::End,
            error => Stop::Flow(error),
        }
    }
}

impl From<gst::ErrorMessage> for Stop {
    fn from(message: gst::ErrorMessage) -> Self {
        Stop::Failed(message)
    }
}
