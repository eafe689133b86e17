// SPDX-License-Identifier: MPL-2.0

//! Sessions against a simulation that knows nothing of segments: it marks every millisecond seen.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const LENGTH: u64 = 20_000;

pub fn plan(threshold: u16, require_check: bool) -> Plan {
    Plan {
        actor: actor("mailto:ada@example.org").expect("valid"),
        activity_id: "https://example.org/class/7".into(),
        activity_name: Some("Class 7".into()),
        threshold,
        require_check,
        check_suffices: false,
        rates: (0.25, 3.0),
    }
}

/// UUIDs that differ, of a counter.
pub fn ids() -> impl FnMut() -> Uuid {
    let mut count = 0_u64;
    move || {
        count += 1;
        let mut random = [0; 16];
        random[..8].copy_from_slice(&count.to_be_bytes());
        Uuid::v4(random)
    }
}

fn values(statements: &[Statement]) -> Vec<Value> {
    statements
        .iter()
        .map(|statement| serde_json::from_str(&statement.json).expect("a statement is JSON"))
        .collect()
}

fn verbs(statements: &[Statement]) -> Vec<&'static str> {
    statements
        .iter()
        .map(|statement| statement.verb.name())
        .collect()
}

fn extension<'a>(value: &'a Value, part: &str, name: &str) -> &'a Value {
    &value[part]["extensions"][name]
}

/// Plays a fixed story: each input with the wall time since the start.
fn story(plan: Plan, inputs: Vec<(u64, Input)>) -> Vec<Statement> {
    let mut ids = ids();
    let history = History::new(ids(), None);
    let mut session = Session::new(plan, history, Facts::default());
    inputs
        .into_iter()
        .flat_map(|(wall, input)| session.apply(input, 1_800_000_000_000 + wall, &mut ids))
        .collect()
}

#[test]
fn a_session_says_what_happened() {
    let statements = story(
        plan(900, false),
        vec![
            (0, Input::Length(LENGTH)),
            (10, Input::Play { at: 0, rate: 1.0 }),
            (10_010, Input::Pause { at: 10_000 }),
            (
                12_000,
                Input::Seek {
                    from: 10_000,
                    to: 4000,
                },
            ),
            (
                13_000,
                Input::Play {
                    at: 4000,
                    rate: 1.0,
                },
            ),
            (
                14_000,
                Input::Rate {
                    at: 5000,
                    rate: 1.5,
                },
            ),
            (22_667, Input::Tick { at: 18_000 }),
            (
                24_000,
                Input::End {
                    at: 19_970,
                    frame: 40,
                },
            ),
            (25_000, Input::Terminate { at: 19_970 }),
        ],
    );
    assert_eq!(
        verbs(&statements),
        [
            "initialized",
            "played",
            "paused",
            "seeked",
            "played",
            "interacted",
            "completed",
            "paused",
            "terminated"
        ]
    );
    let values = values(&statements);
    assert_eq!(check::all(&values), []);
    let completed = &values[6];
    assert_eq!(extension(completed, "result", iri::PROGRESS), &json!(0.9));
    assert_eq!(
        extension(completed, "result", iri::PLAYED_SEGMENTS),
        "0[.]10[,]4[.]18"
    );
    // 10 s, 1 s, and 13 s of media at 1.5.
    assert_eq!(completed["result"]["duration"], "PT19.66S");
    let terminated = &values[8];
    assert_eq!(
        extension(terminated, "result", iri::PLAYED_SEGMENTS),
        "0[.]10[,]4[.]20"
    );
    assert_eq!(extension(terminated, "result", iri::PROGRESS), &json!(1));
    assert_eq!(extension(&values[5], "context", iri::SPEED), "1.5x");
}

#[test]
fn scrubbing_is_one_seek_and_counts_for_nothing() {
    let statements = story(
        plan(1000, false),
        vec![
            (0, Input::Length(LENGTH)),
            (0, Input::Play { at: 0, rate: 1.0 }),
            (
                2000,
                Input::Seek {
                    from: 2000,
                    to: 5000,
                },
            ),
            (
                2200,
                Input::Seek {
                    from: 5200,
                    to: 9000,
                },
            ),
            (2400, Input::Tick { at: 9100 }),
            (
                2500,
                Input::Seek {
                    from: 9300,
                    to: 7000,
                },
            ),
            (3000, Input::Tick { at: 7500 }),
            (4000, Input::Pause { at: 8500 }),
        ],
    );
    assert_eq!(
        verbs(&statements),
        ["initialized", "played", "seeked", "played", "paused"]
    );
    let values = values(&statements);
    assert_eq!(extension(&values[2], "result", iri::TIME_FROM), &json!(2));
    assert_eq!(extension(&values[2], "result", iri::TIME_TO), &json!(7));
    assert_eq!(
        extension(&values[4], "result", iri::PLAYED_SEGMENTS),
        "0[.]2[,]7[.]8.5"
    );
    assert_eq!(check::all(&values), []);
}

#[test]
fn nothing_is_said_before_the_length_is_known_and_nothing_is_lost() {
    let inputs = vec![
        (5, Input::Play { at: 0, rate: 1.0 }),
        (1000, Input::Tick { at: 995 }),
        (2000, Input::Pause { at: 1995 }),
    ];
    assert!(story(plan(1000, false), inputs.clone()).is_empty());
    let mut known = inputs;
    known.push((3000, Input::Length(LENGTH)));
    let statements = story(plan(1000, false), known);
    assert_eq!(verbs(&statements), ["initialized", "played", "paused"]);
    let values = values(&statements);
    assert_eq!(check::all(&values), []);
    assert!(
        values[2]["timestamp"]
            .as_str()
            .expect("a text")
            .ends_with(":02.000Z")
    );
    assert_eq!(
        extension(&values[2], "result", iri::PLAYED_SEGMENTS),
        "0[.]1.995"
    );
}

#[test]
fn a_length_that_grows_lowers_progress_and_one_that_is_corrected_does_not() {
    let watch = |length| {
        let statements = story(
            plan(1000, false),
            vec![
                (0, Input::Length(LENGTH)),
                (0, Input::Play { at: 0, rate: 1.0 }),
                (
                    20_000,
                    Input::End {
                        at: LENGTH,
                        frame: 40,
                    },
                ),
                (20_010, Input::Length(length)),
                (20_020, Input::Terminate { at: LENGTH }),
            ],
        );
        let values = values(&statements);
        assert_eq!(check::all(&values), []);
        values[4]["result"]["extensions"][iri::PROGRESS].clone()
    };
    assert_eq!(watch(LENGTH + 7), json!(1));
    assert_eq!(watch(LENGTH * 2), json!(0.5));
}

#[test]
fn the_rule_decides_what_completes() {
    let watch = |share: u64, passes: bool, plan: Plan| {
        let mut inputs = vec![
            (0, Input::Length(LENGTH)),
            (0, Input::Play { at: 0, rate: 1.0 }),
            (share, Input::Pause { at: share }),
        ];
        if passes {
            inputs.push((share + 1000, Input::CheckPassed { at: share }));
        }
        verbs(&story(plan, inputs)).contains(&"completed")
    };
    // An 80 % viewer who passed the check, and a whole viewer who did not.
    let (most, whole) = (16_000, LENGTH);
    assert!(
        !watch(most, true, plan(900, false)),
        "a check does not replace watching"
    );
    assert!(watch(whole, false, plan(900, false)));
    assert!(!watch(most, true, plan(900, true)));
    assert!(!watch(whole, false, plan(900, true)));
    assert!(watch(whole, true, plan(900, true)));
    assert!(watch(most, true, plan(0, true)));
    // Either of them; and the check alone, said in the other way.
    for require_check in [false, true] {
        let either = |threshold| Plan {
            check_suffices: true,
            ..plan(threshold, require_check)
        };
        assert!(watch(most, true, either(900)));
        assert!(!watch(most, false, either(900)));
        assert_eq!(watch(whole, false, either(900)), !require_check);
    }
    assert!(!watch(whole, false, plan(0, true)));
}

#[test]
fn media_at_a_wild_rate_or_backwards_is_not_watched() {
    for rate in [8.0, -1.0, 0.1, 0.0] {
        let statements = story(
            plan(500, false),
            vec![
                (0, Input::Length(LENGTH)),
                (0, Input::Play { at: 0, rate: 1.0 }),
                (1000, Input::Rate { at: 1000, rate }),
                (2000, Input::Tick { at: 19_000 }),
                (
                    2000,
                    Input::Rate {
                        at: 19_000,
                        rate: 1.0,
                    },
                ),
                (2500, Input::Terminate { at: 19_500 }),
            ],
        );
        assert_eq!(
            verbs(&statements),
            [
                "initialized",
                "played",
                "paused",
                "interacted",
                "interacted",
                "played",
                "paused",
                "terminated"
            ]
        );
        let values = values(&statements);
        assert_eq!(check::all(&values), []);
        assert_eq!(
            extension(&values[7], "result", iri::PLAYED_SEGMENTS),
            "0[.]1[,]19[.]19.5"
        );
    }
}

#[test]
fn the_session_says_when_it_wants_to_be_told() {
    let mut ids = ids();
    let mut session = Session::new(
        plan(900, false),
        History::new(ids(), None),
        Facts::default(),
    );
    let mut tell = |session: &mut Session, wall, input| session.apply(input, wall, &mut ids);
    tell(&mut session, 0, Input::Length(LENGTH));
    assert_eq!(session.due(), Due::default());
    tell(
        &mut session,
        0,
        Input::Play {
            at: 2000,
            rate: 1.0,
        },
    );
    assert_eq!(session.due().position, Some(20_000));
    tell(&mut session, 1000, Input::Seek { from: 3000, to: 0 });
    assert_eq!(
        session.due(),
        Due {
            wall: Some(1500),
            position: None
        }
    );
    tell(&mut session, 1500, Input::Tick { at: 500 });
    assert_eq!(session.due().position, Some(18_000));
    let said = tell(&mut session, 20_000, Input::Tick { at: 18_000 });
    assert_eq!(verbs(&said), ["completed"]);
    assert_eq!(session.due(), Due::default());
}

/// An action of a viewer. Times are milliseconds.
#[derive(Clone, Debug)]
enum Act {
    Play,
    Pause,
    Seek(u64),
    Rate(usize),
    /// Time passes, and the media with it where it plays.
    Watch(u64),
    /// Time passes and no media arrives.
    Stall(u64),
    Interact(f64),
    Pass,
    /// The player is closed and opened again.
    Restart,
    /// The player is killed; its last checkpoint is all that is left.
    Crash,
}

const RATES: [f64; 6] = [1.0, 1.5, 2.0, 0.5, 8.0, -1.0];

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Play),
        2 => Just(Act::Pause),
        3 => (0..LENGTH).prop_map(Act::Seek),
        1 => (0..RATES.len()).prop_map(Act::Rate),
        6 => (0u64..6000).prop_map(Act::Watch),
        1 => (0u64..3000).prop_map(Act::Stall),
        1 => (0.0..1.0).prop_map(Act::Interact),
        1 => Just(Act::Pass),
        1 => Just(Act::Restart),
        1 => Just(Act::Crash),
    ]
}

/// A player and a viewer, simulated millisecond by millisecond.
struct Player {
    session: Session,
    said: Vec<Statement>,
    wall: u64,
    position: f64,
    playing: bool,
    ended: bool,
    rate: f64,
    /// Which milliseconds of the video were watched.
    seen: Vec<bool>,
    passed: bool,
}

impl Player {
    fn tell(&mut self, input: Input, ids: &mut dyn FnMut() -> Uuid) {
        let said = self.session.apply(input, self.wall, ids);
        self.said.extend(said);
    }

    fn at(&self) -> u64 {
        self.position as u64
    }

    /// Lets media play up to its end or start, or until the session wants to be told.
    fn watch(&mut self, ms: u64, ids: &mut dyn FnMut() -> Uuid) {
        for _ in 0..ms {
            self.wall += 1;
            if self.playing && !self.ended {
                let before = self.at();
                self.position = (self.position + self.rate).clamp(0.0, LENGTH as f64);
                if (0.25..=3.0).contains(&self.rate) {
                    for ms in before..self.at() {
                        self.seen[ms as usize] = true;
                    }
                }
                if self.at() == LENGTH && self.rate > 0.0 {
                    self.tell(
                        Input::End {
                            at: LENGTH - 20,
                            frame: 40,
                        },
                        ids,
                    );
                    self.ended = true;
                }
            }
            let due = self.session.due();
            if due.wall.is_some_and(|wall| self.wall >= wall)
                || due.position.is_some_and(|position| self.at() >= position)
            {
                self.tell(Input::Tick { at: self.at() }, ids);
            }
        }
    }

    fn act(&mut self, act: Act, ids: &mut dyn FnMut() -> Uuid) {
        let at = self.at();
        match act {
            Act::Play => {
                self.playing = true;
                self.tell(
                    Input::Play {
                        at,
                        rate: self.rate,
                    },
                    ids,
                );
            }
            Act::Pause => {
                self.playing = false;
                self.tell(Input::Pause { at }, ids);
            }
            Act::Seek(to) => {
                self.tell(Input::Seek { from: at, to }, ids);
                self.position = to as f64;
                self.ended = false;
                // The seek is over before anything else happens; scrubbing has its own test.
                self.wall += 600;
                self.tell(Input::Tick { at: to }, ids);
            }
            Act::Rate(index) => {
                self.rate = RATES[index];
                self.tell(
                    Input::Rate {
                        at,
                        rate: self.rate,
                    },
                    ids,
                );
            }
            Act::Watch(ms) => self.watch(ms, ids),
            Act::Stall(ms) => {
                self.wall += ms;
                self.tell(Input::Tick { at }, ids);
            }
            Act::Interact(volume) => {
                let facts = Facts {
                    volume: Some(volume),
                    ..Facts::default()
                };
                self.tell(Input::Interact { at, facts }, ids);
            }
            Act::Pass => {
                self.passed = true;
                self.tell(Input::CheckPassed { at }, ids);
            }
            Act::Restart => {
                self.tell(Input::Terminate { at }, ids);
                self.begin(ids);
            }
            Act::Crash => {
                self.tell(Input::Tick { at }, ids);
                let written = serde_json::to_string(&self.session).expect("it can be written");
                self.session = serde_json::from_str(&written).expect("it can be read");
                self.wall += 60_000;
                let said = self.session.abandon(ids);
                self.said.extend(said);
                self.begin(ids);
            }
        }
    }

    /// A new session of the registration.
    fn begin(&mut self, ids: &mut dyn FnMut() -> Uuid) {
        let (plan, history) = (self.session.plan().clone(), self.session.history().clone());
        self.session = Session::new(plan, history, Facts::default());
        self.wall += 1000;
        self.position = 0.0;
        self.playing = false;
        self.ended = false;
        self.rate = 1.0;
        self.tell(Input::Length(LENGTH), ids);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_the_viewer_does(
        acts in prop::collection::vec(act(), 1..40),
        threshold in 0u16..=1000,
        require_check: bool,
        check_suffices: bool,
    ) {
        // 0 leaves it to the check: without one there is no rule.
        let threshold = if require_check { threshold } else { threshold.max(1) };
        let mut ids = ids();
        let history = History::new(ids(), None);
        let mut player = Player {
            session: Session::new(
                Plan { check_suffices, ..plan(threshold, require_check) },
                history,
                Facts::default(),
            ),
            said: Vec::new(),
            wall: 1_800_000_000_000,
            position: 0.0,
            playing: false,
            ended: false,
            rate: 1.0,
            seen: vec![false; LENGTH as usize],
            passed: false,
        };
        player.tell(Input::Length(LENGTH), &mut ids);
        for act in acts {
            player.act(act, &mut ids);
            let seen = player.seen.iter().filter(|ms| **ms).count() as u64;
            prop_assert!(u64::from(player.session.progress()) * LENGTH <= seen * 1000);
        }
        let at = player.at();
        player.tell(Input::Terminate { at }, &mut ids);
        let values = values(&player.said);
        let mut findings = check::all(&values);
        if check_suffices {
            findings.retain(|finding| finding.rule != "threshold");
        }
        prop_assert!(findings.is_empty(), "{findings:#?}");

        // What is claimed in the end is what was seen, millisecond by millisecond.
        let last = values.last().expect("terminated");
        let claimed = extension(last, "result", iri::PLAYED_SEGMENTS).as_str().expect("a text");
        let mut claims = vec![false; LENGTH as usize];
        for (from, to) in segments::from_text(claimed).expect("valid segments") {
            claims[from as usize..to as usize].fill(true);
        }
        prop_assert!(claims == player.seen);

        let seen = player.seen.iter().filter(|ms| **ms).count() as u64;
        let watched = seen * 1000 >= u64::from(threshold) * LENGTH;
        let met = match (require_check, check_suffices) {
            (false, false) => watched,
            (true, false) => watched && player.passed,
            (false, true) => watched || player.passed,
            (true, true) => player.passed,
        };
        let completed = verbs(&player.said).iter().filter(|verb| **verb == "completed").count();
        prop_assert_eq!(completed, usize::from(met));
    }
}
