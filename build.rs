// SPDX-License-Identifier: MPL-2.0

fn main() {
    // Sets COMMIT_ID and BUILD_REL_DATE for the plugin's registration.
    #[cfg(feature = "plugin")]
    gst_plugin_version_helper::info();
}
