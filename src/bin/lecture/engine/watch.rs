// SPDX-License-Identifier: MPL-2.0

//! Ends a pipeline without progress.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::error::Error;

/// Elements without data that an error names.
const NAMED: usize = 4;

/// Longest time for which a pipeline may be without data, and the kind of its source.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Wall time.
    pub limit: Duration,
    /// Whether another try may help.
    pub is_network: bool,
}

impl Patience {
    const LIMIT: Duration = Duration::from_secs(60);

    /// For a file on this machine.
    pub const FILE: Patience = Patience {
        limit: Self::LIMIT,
        is_network: false,
    };

    /// For a pipeline that may stand still.
    pub const NONE: Patience = Patience {
        limit: Duration::MAX,
        is_network: false,
    };

    /// For a source on the network.
    pub const NETWORK: Patience = Patience {
        limit: Self::LIMIT,
        is_network: true,
    };
}

/// Counts the data that passes the pads of a pipeline.
pub struct Watch {
    patience: Patience,
    passed: Arc<AtomicU64>,
    seen: u64,
    since: Instant,
    /// Elements that work without buffers, by their progress messages.
    working: BTreeSet<(String, String)>,
}

impl Watch {
    /// Watches a pipeline and all elements that are added to it.
    pub fn over(pipeline: &gst::Pipeline, patience: Patience) -> Self {
        let passed = Arc::new(AtomicU64::new(0));
        for element in pipeline.iterate_recurse().into_iter().flatten() {
            count_element(&element, &passed);
        }
        let counter = passed.clone();
        pipeline.connect_deep_element_added(move |_, _, element| count_element(element, &counter));
        Watch {
            patience,
            passed,
            seen: 0,
            since: Instant::now(),
            working: BTreeSet::new(),
        }
    }

    /// Records the progress that an element posts: between its start and its end the pipeline may
    /// be still.
    pub fn note_progress(&mut self, message: &gst::message::Progress) {
        let (kind, code, _) = message.get();
        let source = message.src().map(|source| source.path_string().to_string());
        let work = (source.unwrap_or_default(), code.to_string());
        match kind {
            gst::ProgressType::Start | gst::ProgressType::Continue => self.working.insert(work),
            _ => self.working.remove(&work),
        };
        self.since = Instant::now();
    }

    /// Fails if nothing has moved for too long.
    pub fn check(&mut self, pipeline: &gst::Pipeline) -> Result<(), Error> {
        let passed = self.passed.load(Ordering::Relaxed);
        if passed != self.seen || !self.working.is_empty() {
            self.seen = passed;
            self.since = Instant::now();
            return Ok(());
        }
        if self.since.elapsed() < self.patience.limit {
            return Ok(());
        }
        let what = format!(
            "nothing has moved in the pipeline for {} seconds: {}",
            self.patience.limit.as_secs_f64(),
            waited_for(pipeline)
        );
        Err(match self.patience.is_network {
            true => Error::later(what, "", "run the same command again"),
            false => Error::request(
                what,
                "",
                "run it with GST_DEBUG=3 to see more, and report this with the recording",
            ),
        })
    }
}

fn count_element(element: &gst::Element, passed: &Arc<AtomicU64>) {
    for pad in element.src_pads() {
        count_pad(&pad, passed);
    }
    let passed = passed.clone();
    element.connect_pad_added(move |_, pad| {
        if pad.direction() == gst::PadDirection::Src {
            count_pad(pad, &passed);
        }
    });
}

fn count_pad(pad: &gst::Pad, passed: &Arc<AtomicU64>) {
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    let passed = passed.clone();
    pad.add_probe(kinds, move |_, _| {
        passed.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// Returns the pads that have had no data and no end; if there is none, those without an end.
fn waited_for(pipeline: &gst::Pipeline) -> String {
    let elements = pipeline.iterate_elements().into_iter().flatten();
    let pads: Vec<gst::Pad> = elements.flat_map(|element| element.sink_pads()).collect();
    let has = |pad: &gst::Pad, kind| match kind {
        gst::EventType::Eos => pad.sticky_event::<gst::event::Eos>(0).is_some(),
        _ => pad.sticky_event::<gst::event::Caps>(0).is_some(),
    };
    let waiting = |pad: &&gst::Pad| !has(pad, gst::EventType::Eos);
    let starving = |pad: &&gst::Pad| waiting(pad) && !has(pad, gst::EventType::Caps);
    let names = |pads: Vec<&gst::Pad>| {
        let names = pads.into_iter().take(NAMED).map(|pad| {
            let element = pad.parent_element().map(|element| element.name());
            format!("{}.{}", element.unwrap_or_default(), pad.name())
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let without_data = names(pads.iter().filter(starving).collect());
    if !without_data.is_empty() {
        return format!("no data has come to {without_data}");
    }
    let without_end = names(pads.iter().filter(waiting).collect());
    match without_end.is_empty() {
        true => "all data has come, and the end is not told".into(),
        false => format!("no end has come to {without_end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pipeline;
    use crate::engine::progress::Progress;
    use crate::engine::run::{Outcome, run_watched};
    use crate::stop::Stop;

    const SHORT: Duration = Duration::from_millis(400);

    fn run(text: &str, limit: Duration, is_network: bool) -> Result<Outcome, Error> {
        gst::init().expect("GStreamer");
        let made = pipeline::parse(text).expect("a pipeline");
        let patience = Patience { limit, is_network };
        let progress = Progress::start("test", None);
        run_watched(&made, None, patience, progress, &Stop::default(), |_| {})
    }

    #[test]
    fn a_pipeline_in_which_nothing_moves_ends_with_what_it_waited_for() {
        // A mixer waits for the pad without input.
        let stuck = "audiomixer name=mix ! fakesink audiotestsrc num-buffers=5 ! mix. \
                     appsrc name=never ! queue name=starved ! mix.";
        let error = run(stuck, SHORT, false).expect_err("it is stuck");
        assert_eq!(error.status(), 1);
        assert!(error.to_string().contains("starved.sink"), "{error}");
        assert_eq!(
            run(stuck, SHORT, true).expect_err("it is stuck").status(),
            75
        );
    }

    #[test]
    fn a_slow_pipeline_is_left_alone() {
        let slow =
            "audiotestsrc num-buffers=4 samplesperbuffer=44100 is-live=true ! fakesink sync=true";
        run(slow, 3 * Duration::from_secs(1), false).expect("it comes to its end");
    }

    #[test]
    fn an_element_that_posts_progress_is_left_alone() {
        gst::init().expect("GStreamer");
        let made = pipeline::parse("appsrc name=never ! fakesink").expect("a pipeline");
        let patience = Patience {
            limit: Duration::ZERO,
            is_network: false,
        };
        let mut watch = Watch::over(&made, patience);
        let post = |kind| {
            gst::message::Progress::builder(kind, "write", "writes")
                .src(&made)
                .build()
        };
        let note = |watch: &mut Watch, message: gst::Message| match message.view() {
            gst::MessageView::Progress(progress) => watch.note_progress(progress),
            _ => unreachable!("it was made as progress"),
        };
        note(&mut watch, post(gst::ProgressType::Start));
        watch.check(&made).expect("the element works");
        note(&mut watch, post(gst::ProgressType::Complete));
        watch.check(&made).expect_err("nothing works");
    }
}
