// SPDX-License-Identifier: MPL-2.0

pub fn register(_plugin: &gst::Plugin) -> Result<(), gst::glib::BoolError> {
    Ok(())
}
