// SPDX-License-Identifier: MPL-2.0

//! Bayesian segmentation by dynamic programming, after J. Eisenstein and R. Barzilay, "Bayesian
//! Unsupervised Topic Segmentation", EMNLP 2008. Every topic draws its words from a distribution of
//! its own. With a Dirichlet prior on that distribution the probability of a piece's words has a
//! closed form, and all segmentations are summed exactly.
//!
//! Three things differ from the paper, because one setting does not fit two lectures:
//! - The prior's mean is the transcript's own word distribution, so that words which are frequent
//!   everywhere count little in any language.
//! - The deviation of a topic from that mean is not fixed: the result is a mean over [`SPREADS`].
//! - The single likeliest segmentation depends on a few words and is not reported. The result is
//!   the one expected to be nearest to all others by Pk (D. Beeferman, A. Berger, J. Lafferty,
//!   "Statistical Models for Text Segmentation", 1999) under their probabilities.

use super::Options;
use super::words::Words;

/// Weights of the prior's mean against a topic's own words, in tokens for each word of the
/// vocabulary: from topics that share little to topics that share nearly all.
const SPREADS: [f64; 4] = [0.2, 1.0, 5.0, 20.0];
/// Largest number of units: work and memory grow with its square. Sentences of longer transcripts
/// are joined (in eight hours to pieces of about half a minute).
const MOST_UNITS: usize = 1000;
/// Cost of a boundary: it has to raise the log probability by this times the square root of the
/// transcript's length in words. Long classes have longer topics, not only more of them; the gain
/// of a true boundary grows with the length of its topics.
const COST: f64 = 0.5;
/// Lowest cost, so that a few sentences are not split.
const LEAST_COST: f64 = 8.0;
/// Highest cost, which is that of a class of two hours: a whole day is several classes.
const MOST_COST: f64 = 45.0;
/// Distance in sentences at which a boundary still counts as found, for the confidence.
const NEAR: usize = 3;

/// Returns boundaries as `(first sentence of a topic, probability)`, in order.
pub(super) fn boundaries(words: &Words, options: &Options) -> Vec<(usize, f64)> {
    let units = Units::new(words);
    let n = units.words.len();
    if n < 2 || words.vocabulary == 0 {
        return Vec::new();
    }
    let topics = options.topics.map(|topics| topics.clamp(1, n));
    let sensitivity = options.sensitivity.clamp(0.0, 1.0);
    let cost = (COST * words.length.sqrt()).clamp(LEAST_COST, MOST_COST)
        * 0.4f64.powf(2.0 * sensitivity - 1.0);

    let posteriors: Vec<Posterior> = SPREADS
        .iter()
        .map(|&spread| {
            let table = Table::new(&units, words.vocabulary, spread);
            match topics {
                Some(topics) => Posterior::with_topics(table, topics),
                None => Posterior::new(table, cost),
            }
        })
        .collect();
    let mean = |of: &dyn Fn(&Posterior) -> f64| {
        posteriors.iter().map(of).sum::<f64>() / posteriors.len() as f64
    };
    let expected = topics.map_or_else(|| mean(&|p| p.expected_topics()), |topics| topics as f64);
    let window = ((n as f64 / expected / 2.0).round() as usize).clamp(1, n - 1);
    let together = average(posteriors.iter().map(|p| p.together(window)), n);
    let starts: Vec<f64> = (0..n).map(|unit| mean(&|p| p.start(unit))).collect();
    let near = average(posteriors.iter().map(|p| p.together(2 * NEAR)), n);

    nearest_to_all(&together, &starts, window, topics)
        .into_iter()
        .map(|unit| {
            // Nothing starts between NEAR units before and NEAR after, within the transcript.
            let first = unit
                .saturating_sub(NEAR + 1)
                .min(n.saturating_sub(2 * NEAR + 1));
            let confidence = if n > 2 * NEAR {
                (1.0 - near[first]).max(starts[unit])
            } else {
                starts[unit]
            };
            (units.first[unit], confidence.clamp(0.0, 1.0))
        })
        .collect()
}

fn average(lists: impl ExactSizeIterator<Item = Vec<f64>>, n: usize) -> Vec<f64> {
    let share = 1.0 / lists.len() as f64;
    let mut sum = vec![0.0; n];
    for list in lists {
        for (sum, value) in sum.iter_mut().zip(list) {
            *sum += share * value;
        }
    }
    sum
}

/// Units that are not split: sentences, or several joined ones in long transcripts.
struct Units {
    words: Vec<Vec<u32>>,
    openings: Vec<f64>,
    /// The first sentence of each unit.
    first: Vec<usize>,
}

impl Units {
    fn new(words: &Words) -> Self {
        let sentences = words.sentences.len();
        let joined = sentences.div_ceil(MOST_UNITS).max(1);
        let first: Vec<usize> = (0..sentences).step_by(joined).collect();
        Units {
            words: words.sentences.chunks(joined).map(<[_]>::concat).collect(),
            openings: first.iter().map(|&at| words.openings[at]).collect(),
            first,
        }
    }
}

/// Log probability of every piece `[start, end)` of units as one topic.
struct Table {
    n: usize,
    scores: Vec<f64>,
}

impl Table {
    fn new(units: &Units, vocabulary: usize, spread: f64) -> Self {
        let n = units.words.len();
        let mut totals = vec![0usize; vocabulary];
        for &word in units.words.iter().flatten() {
            totals[word as usize] += 1;
        }
        let length: usize = totals.iter().sum();
        let weight = spread * vocabulary as f64;
        // ln(count + prior) for each word and each count it can have, one list after another.
        let mut logs = Vec::with_capacity(length + vocabulary);
        let mut offsets = Vec::with_capacity(vocabulary);
        for &total in &totals {
            offsets.push(logs.len());
            let prior = weight * total as f64 / length.max(1) as f64;
            logs.extend((0..total).map(|count| (count as f64 + prior).ln()));
        }
        // ln of Γ(weight) / Γ(weight + length) for each length.
        let mut norms = Vec::with_capacity(length + 1);
        let mut norm = 0.0;
        for count in 0..=length {
            norms.push(norm);
            norm -= (count as f64 + weight).ln();
        }

        let mut scores = vec![0.0; n * (n + 1)];
        let mut counts = vec![0usize; vocabulary];
        for start in 0..n {
            counts.fill(0);
            let (mut sum, mut length) = (units.openings[start], 0);
            for (end, words) in units.words.iter().enumerate().skip(start) {
                for &word in words {
                    let count = &mut counts[word as usize];
                    sum += logs[offsets[word as usize] + *count];
                    *count += 1;
                }
                length += words.len();
                // Lengths follow a Gamma distribution of shape 2: very short topics are rare. Its
                // exponential part is the same for all segmentations.
                let share = (end + 1 - start) as f64 / n as f64;
                scores[start * (n + 1) + end + 1] = sum + norms[length] + share.ln();
            }
        }
        Table { n, scores }
    }

    fn score(&self, start: usize, end: usize) -> f64 {
        self.scores[start * (self.n + 1) + end]
    }
}

/// Probabilities of all segmentations, by the forward and backward sums over them.
struct Posterior {
    table: Table,
    cost: f64,
    /// Log sum over all segmentations of the part before a unit, and of the part from it on.
    before: Vec<f64>,
    from: Vec<f64>,
}

impl Posterior {
    /// Makes the posterior with this cost in log probability per topic.
    fn new(table: Table, cost: f64) -> Self {
        let (before, from) = (Self::before(&table, cost), Self::from(&table, cost));
        Posterior {
            table,
            cost,
            before,
            from,
        }
    }

    /// Makes the posterior with the cost at which this number of topics is expected.
    fn with_topics(table: Table, topics: usize) -> Self {
        let (mut low, mut high) = (-200.0, 600.0);
        let mut posterior = Posterior::new(table, high);
        for _ in 0..16 {
            let cost = (low + high) / 2.0;
            posterior = Posterior::new(posterior.table, cost);
            if posterior.expected_topics() > topics as f64 {
                low = cost;
            } else {
                high = cost;
            }
        }
        posterior
    }

    fn before(table: &Table, cost: f64) -> Vec<f64> {
        let mut sums = vec![0.0; table.n + 1];
        let mut terms = Vec::with_capacity(table.n);
        for end in 1..=table.n {
            terms.clear();
            terms.extend((0..end).map(|start| sums[start] + table.score(start, end)));
            sums[end] = log_sum(&terms) - cost;
        }
        sums
    }

    fn from(table: &Table, cost: f64) -> Vec<f64> {
        let mut sums = vec![0.0; table.n + 1];
        let mut terms = Vec::with_capacity(table.n);
        for start in (0..table.n).rev() {
            terms.clear();
            terms.extend((start + 1..=table.n).map(|end| sums[end] + table.score(start, end)));
            sums[start] = log_sum(&terms) - cost;
        }
        sums
    }

    /// Returns the probability that a topic starts with the unit.
    fn start(&self, unit: usize) -> f64 {
        (self.before[unit] + self.from[unit] - self.from[0]).exp()
    }

    fn expected_topics(&self) -> f64 {
        (0..self.table.n).map(|unit| self.start(unit)).sum()
    }

    /// Returns for each unit the probability that the one `distance` after it is of the same topic;
    /// 0 if there is none.
    fn together(&self, distance: usize) -> Vec<f64> {
        let n = self.table.n;
        // Each piece adds its probability to a run of units: up at its start, down at its end.
        let mut steps = vec![0.0; n + 1];
        for start in 0..n {
            for end in start + distance + 1..=n {
                let log = self.before[start] + self.table.score(start, end) - self.cost
                    + self.from[end]
                    - self.from[0];
                let probability = log.exp();
                steps[start] += probability;
                steps[end - distance] -= probability;
            }
        }
        let mut sum = 0.0;
        steps
            .iter()
            .take(n)
            .map(|step| {
                sum += step;
                sum
            })
            .collect()
    }
}

/// Returns ln of the sum of exponentials.
fn log_sum(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + terms
        .iter()
        .map(|term| (term - most).exp())
        .sum::<f64>()
        .ln()
}

/// Returns the boundaries with the smallest expected Pk, by dynamic programming. `together` is for
/// each unit the probability that it and the one `window` later are of one topic. Ties are resolved
/// in favour of likely starts and of fewer boundaries.
fn nearest_to_all(
    together: &[f64],
    starts: &[f64],
    window: usize,
    topics: Option<usize>,
) -> Vec<usize> {
    /// Value of a likely start, in ends of windows.
    const START: f64 = 0.5;
    /// Cost of a boundary, so that none is free.
    const BOUNDARY: f64 = 0.1;
    let n = together.len();
    let mut gains = vec![0.0; n + 1];
    for unit in 0..n {
        let gain = if unit + window < n {
            2.0 * together[unit] - 1.0
        } else {
            0.0
        };
        gains[unit + 1] = gains[unit] + gain;
    }
    let gain = |start: usize, end: usize| {
        let kept = if end > start + window {
            gains[end - window] - gains[start]
        } else {
            0.0
        };
        let boundary = if start > 0 {
            START * starts[start] - BOUNDARY
        } else {
            0.0
        };
        kept + boundary
    };
    // One round finds the best of any number of topics, as each end builds on the ends before it;
    // for a given number each round adds one topic.
    let rounds = topics.unwrap_or(1);
    let mut best = vec![f64::NEG_INFINITY; n + 1];
    best[0] = 0.0;
    let mut came_from = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let mut next = vec![f64::NEG_INFINITY; n + 1];
        let mut from = vec![0; n + 1];
        if topics.is_none() {
            next[0] = 0.0;
        }
        for end in 1..=n {
            for start in 0..end {
                let base = if topics.is_none() {
                    next[start]
                } else {
                    best[start]
                };
                let value = base + gain(start, end);
                if value > next[end] {
                    next[end] = value;
                    from[end] = start;
                }
            }
        }
        best = next;
        came_from.push(from);
    }
    let mut found = Vec::new();
    let mut end = n;
    let mut round = rounds;
    while end > 0 && round > 0 {
        end = came_from[round - 1][end];
        if end > 0 {
            found.push(end);
        }
        if topics.is_some() {
            round -= 1;
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_agree_with_counting_all_segmentations() {
        let units = Units {
            words: vec![vec![0, 1], vec![0, 0], vec![2, 1], vec![2, 2]],
            openings: vec![0.0, 0.5, 0.0, 1.0],
            first: vec![0, 1, 2, 3],
        };
        let n = units.words.len();
        let cost = 0.7;
        let posterior = Posterior::new(Table::new(&units, 3, 0.5), cost);
        let (mut sum, mut start_at_2, mut together) = (0.0, 0.0, 0.0);
        for cuts in 0..1usize << (n - 1) {
            let mut edges = vec![0];
            edges.extend((1..n).filter(|at| cuts & (1 << (at - 1)) != 0));
            edges.push(n);
            let weight: f64 = edges
                .windows(2)
                .map(|piece| posterior.table.score(piece[0], piece[1]) - cost)
                .sum::<f64>()
                .exp();
            sum += weight;
            if edges.contains(&2) {
                start_at_2 += weight;
            }
            if !edges.contains(&2) && !edges.contains(&3) {
                together += weight;
            }
        }
        assert!((posterior.from[0] - sum.ln()).abs() < 1e-9);
        assert!((posterior.before[n] - sum.ln()).abs() < 1e-9);
        assert!((posterior.start(2) - start_at_2 / sum).abs() < 1e-9);
        assert!((posterior.together(2)[1] - together / sum).abs() < 1e-9);
    }

    #[test]
    fn a_piece_has_the_probability_of_the_polya_urn() {
        let units = Units {
            words: vec![vec![0], vec![0], vec![1]],
            openings: vec![0.0; 3],
            first: vec![0, 1, 2],
        };
        let table = Table::new(&units, 2, 1.0);
        // Weight 2, divided into 4/3 for the first word and 2/3 for the second.
        let expected: f64 = (4.0 / 3.0 / 2.0) * (7.0 / 3.0 / 3.0) * (2.0 / 3.0 / 4.0);
        assert!((table.score(0, 3) - expected.ln()).abs() < 1e-12);
    }
}
