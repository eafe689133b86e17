// SPDX-License-Identifier: MPL-2.0

//! Takes the data that leave an output's pipeline and are written by the program.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;

/// Writes the data that leave a pipeline.
pub trait Writer: Send + 'static {
    /// Takes the next buffers, which belong together.
    ///
    /// # Errors
    /// A file cannot be written.
    fn take(&mut self, buffers: &[gst::Buffer]) -> Result<(), Error>;

    /// Finishes the files after the last data.
    ///
    /// # Errors
    /// A file cannot be written.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Hands everything that reaches a sink to a writer. `fail` takes the error that ends it.
pub fn attach(
    sink: &gst_app::AppSink,
    writer: impl Writer,
    fail: impl Fn(Error) + Send + Sync + 'static,
) {
    let writer = Arc::new(Mutex::new(writer));
    let fail = Arc::new(fail);
    let (own, own_fail) = (writer.clone(), fail.clone());
    let callbacks = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let list = sample.buffer_list_owned();
            let buffers: Vec<gst::Buffer> = match list {
                Some(list) => list.iter_owned().collect(),
                None => sample.buffer_owned().into_iter().collect(),
            };
            let mut writer = own.lock().unwrap_or_else(PoisonError::into_inner);
            writer.take(&buffers).map_err(|error| {
                own_fail(error);
                gst::FlowError::Error
            })?;
            Ok(gst::FlowSuccess::Ok)
        })
        .eos(move |_| {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = writer.finish() {
                fail(error);
            }
        })
        .build();
    sink.set_callbacks(callbacks);
}
