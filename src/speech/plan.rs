// SPDX-License-Identifier: MPL-2.0

//! Decides what is kept while the recording is still arriving.

use super::trim::{self, Cut, Evidence, Place, Scope, Settings, StartAt};
use crate::timeline::{Decision, Span, Time};

/// Turns evidence into decisions that are never revoked.
pub struct Plan {
    settings: Settings,
    pub evidence: Evidence,
    /// Start of the kept part, once it is known.
    start: Option<Time>,
    /// Decided breaks inside.
    breaks: Vec<Cut>,
    /// End of the decided part: between `start` and here everything is kept except the breaks.
    until: Time,
}

impl Plan {
    pub fn new(settings: Settings) -> Self {
        Plan {
            settings,
            evidence: Evidence::default(),
            start: None,
            breaks: Vec::new(),
            until: Time::ZERO,
        }
    }

    /// Evaluates the evidence again.
    pub fn update(&mut self) {
        let Some(class) = trim::class(&self.evidence) else {
            return;
        };
        if self.start.is_none() {
            let known = match self.settings.start_at {
                StartAt::Auto => class.sustained,
                StartAt::Speech => true,
                StartAt::Slide => class.sustained && !self.evidence.slides.is_empty(),
            };
            if !known {
                return;
            }
            let start = trim::start(&self.evidence, class, &self.settings);
            self.start = Some(if start < self.settings.min_silence {
                Time::ZERO
            } else {
                start
            });
        }
        let until = trim::end(&self.evidence, class, &self.settings);
        if until <= self.until {
            return;
        }
        if self.settings.scope == Scope::All && self.until > Time::ZERO {
            let resumed = Span::new(self.until, until);
            let found = trim::breaks(&self.evidence, resumed, Time::MAX, &self.settings);
            self.breaks.extend(found);
        }
        self.until = until;
    }

    /// Keeps everything before `time` that is not decided yet.
    pub fn keep_until(&mut self, time: Time) {
        self.start.get_or_insert(Time::ZERO);
        self.until = self.until.max(time);
    }

    /// Returns the decision so far.
    pub fn decision(&self) -> Decision {
        match self.start {
            None => Decision::default(),
            Some(start) => Decision {
                kept: complement(start, self.until.max(start), &self.breaks),
                until: self.until.max(start),
            },
        }
    }

    /// Ends the recording: returns all cuts, and the last decision.
    pub fn finish(&self, duration: Time) -> (Vec<Cut>, Decision) {
        let mut cuts = trim::cuts(&self.evidence, duration, &self.settings);
        cuts.retain_mut(|cut| match cut.place {
            // Later findings may contradict it, but a decision stays.
            Place::Before => {
                cut.span.end = self.start.unwrap_or(cut.span.end);
                !cut.span.is_empty()
            }
            Place::Inside => cut.span.start >= self.until,
            Place::After => {
                cut.span.start = cut.span.start.max(self.until);
                cut.span.duration() >= self.settings.min_silence
            }
        });
        let decided = self.start.filter(|start| *start > Time::ZERO);
        if let Some(start) = decided
            && !cuts.iter().any(|cut| cut.place == Place::Before)
        {
            cuts.push(Cut {
                span: Span::new(Time::ZERO, start),
                place: Place::Before,
                reason: "before the class, as it first seemed".to_string(),
                confidence: 0.3,
                speech: Time::ZERO,
                review: true,
            });
        }
        for cut in &mut cuts {
            trim::doubt(cut, &self.evidence);
        }
        cuts.extend(self.breaks.iter().cloned());
        cuts.sort_by_key(|cut| cut.span);
        let tail = cuts.last().filter(|cut| cut.place == Place::After);
        let end = tail.map_or(Time::MAX, |cut| cut.span.start);
        let start = cuts
            .first()
            .filter(|cut| cut.place == Place::Before)
            .map_or(Time::ZERO, |cut| cut.span.end);
        let decision = Decision {
            kept: complement(start, end, &cuts),
            until: Time::MAX,
        };
        (cuts, decision)
    }
}

/// Returns the rest of `[start, end)` without the cuts inside.
fn complement(start: Time, end: Time, cuts: &[Cut]) -> Vec<Span> {
    let mut at = start;
    let mut kept = Vec::new();
    for cut in cuts.iter().filter(|cut| cut.place == Place::Inside) {
        kept.push(Span::new(at, cut.span.start));
        at = cut.span.end;
    }
    kept.push(Span::new(at, end));
    kept.retain(|span| !span.is_empty());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn speech() -> impl Strategy<Value = Vec<Span>> {
        prop::collection::vec((200u64..60_000, 300u64..20_000), 0..50).prop_map(|pairs| {
            let mut at = 0;
            pairs
                .into_iter()
                .map(|(pause, length)| {
                    let start = at + pause;
                    at = start + length;
                    Span::new(Time::from_millis(start), Time::from_millis(at))
                })
                .collect()
        })
    }

    fn kept(decision: &Decision, time: Time) -> bool {
        decision.kept.iter().any(|span| span.contains(time))
    }

    #[test]
    fn a_start_that_is_decided_stays() {
        let secs = Time::from_secs;
        for late in [55, 1] {
            let mut plan = Plan::new(Settings::default());
            let music = if late == 55 { 0 } else { 50 };
            plan.evidence.music = vec![Span::new(secs(music), secs(70))];
            plan.evidence.speech = vec![Span::new(secs(76), secs(100))];
            plan.update();
            let decided = plan.decision();
            assert!(!kept(&decided, secs(74)) && kept(&decided, secs(75)));
            match late {
                // The video arrives later than the audio.
                55 => plan.evidence.slides.push(Span::new(secs(55), secs(55))),
                _ => plan
                    .evidence
                    .speech
                    .insert(0, Span::new(Time::ZERO, secs(60))),
            }
            let (cuts, last) = plan.finish(secs(103));
            assert_eq!(cuts[0].span, Span::new(Time::ZERO, secs(75)), "{late}");
            assert!(!kept(&last, secs(74)) && kept(&last, secs(75)), "{late}");
        }
    }

    proptest! {
        #[test]
        fn a_decision_is_never_taken_back(
            speech in speech(),
            all in any::<bool>(),
            slide in prop::option::of(0u64..500),
            at_slide in any::<bool>(),
            forced in prop::option::of((0usize..50, 0u64..60)),
        ) {
            let mut plan = Plan::new(Settings {
                scope: if all { Scope::All } else { Scope::Edges },
                start_at: if at_slide { StartAt::Slide } else { StartAt::Auto },
                ..Settings::default()
            });
            let duration = speech.last().map_or(Time::SECOND, |s| s.end.saturating_add(Time::from_secs(9)));
            let slide = slide.map(Time::from_secs);
            plan.evidence.slides.extend(slide.map(|slide| Span::new(slide, slide)));
            let mut decisions = vec![];
            for (index, span) in speech.iter().enumerate() {
                if let Some((at, more)) = forced && at == index {
                    plan.keep_until(span.start.saturating_sub(Time::from_secs(more)));
                }
                plan.evidence.speech.push(*span);
                plan.update();
                decisions.push(plan.decision());
            }
            let (cuts, last) = plan.finish(duration);
            for decision in &decisions {
                for step in (0..duration.millis()).step_by(400) {
                    let time = Time::from_millis(step);
                    if time < decision.until {
                        prop_assert_eq!(kept(decision, time), kept(&last, time), "{}", time);
                    }
                }
            }
            for step in (0..duration.millis()).step_by(400) {
                let time = Time::from_millis(step);
                let cut = cuts.iter().any(|cut| cut.span.contains(time));
                prop_assert_eq!(cut, !kept(&last, time), "{}", time);
            }
        }
    }
}
