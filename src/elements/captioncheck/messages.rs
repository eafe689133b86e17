// SPDX-License-Identifier: MPL-2.0

//! Messages of the element. Times are stream time in nanoseconds.

use crate::captions::{Finding, Report, Summary};
use crate::timeline::Time;

/// Makes the message `captioncheck-finding`. `cue` counts from 1; it is absent if the finding is
/// about a passage.
pub fn finding(finding: &Finding) -> gst::Structure {
    let cue = finding.cue.and_then(|index| u32::try_from(index + 1).ok());
    gst::Structure::builder("captioncheck-finding")
        .field("time", finding.span.start.nanos())
        .field("end", finding.span.end.nanos())
        .field("rule", finding.rule.as_str())
        .field("severity", finding.severity.as_str())
        .field("basis", finding.rule.basis().as_str())
        .field_if_some("cue", cue)
        .field("text", &finding.text)
        .build()
}

/// Makes the message `captioncheck-summary`. What was not measured is absent. Offset and drift are
/// positive if the cues are late, or become so; errors are those of the measurement.
pub fn summary(report: &Report) -> gst::Structure {
    let Summary {
        fails,
        warnings,
        cues,
        coverage,
        longest_uncaptioned,
        sync,
    } = report.summary;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let nanos = |seconds: f64| (seconds * 1e9).round() as i64;
    let longest = longest_uncaptioned.map(|seconds| Time::from_secs_f64(seconds).nanos());
    gst::Structure::builder("captioncheck-summary")
        .field("profile", &report.profile)
        .field("fails", count(fails))
        .field("warnings", count(warnings))
        .field("cues", count(cues))
        .field_if_some("coverage", coverage)
        .field_if_some("longest-uncaptioned", longest)
        .field_if_some("offset", sync.map(|sync| nanos(sync.offset)))
        .field_if_some("offset-error", sync.map(|sync| nanos(sync.offset_error)))
        .field_if_some("drift-ppm", sync.map(|sync| sync.drift * 1e6))
        .field_if_some("drift-error-ppm", sync.map(|sync| sync.drift_error * 1e6))
        .build()
}
