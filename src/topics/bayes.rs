// SPDX-License-Identifier: MPL-2.0

//! Bayesian segmentation by dynamic programming, after J. Eisenstein and R. Barzilay, "Bayesian
//! Unsupervised Topic Segmentation", EMNLP 2008: every topic draws its words from a distribution of
//! its own; with a symmetric Dirichlet prior on that distribution the probability of a piece's
//! words has a closed form, and the best of all segmentations is found exactly.

use super::Options;
use super::words::Words;

/// ln Γ by Stirling's series after shifting the argument up.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 8.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    (x - 0.5) * x.ln() - x
        + 0.918_938_533_204_672_7
        + inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0))
        - shift
}

/// Log probabilities of the words of every piece `[start, end)`.
struct Table {
    sentences: usize,
    scores: Vec<f64>,
}

impl Table {
    fn new(words: &Words, alpha: f64) -> Self {
        let sentences = words.sentences.len();
        let mut scores = vec![0.0; (sentences + 1) * (sentences + 1)];
        let mut counts = vec![0u32; words.vocabulary];
        let total_alpha = alpha * words.vocabulary as f64;
        let longest = words.sentences.iter().map(Vec::len).sum::<usize>();
        let logs: Vec<f64> = (0..=longest).map(|n| (n as f64 + alpha).ln()).collect();
        let totals: Vec<f64> = (0..=longest)
            .map(|n| ln_gamma(total_alpha) - ln_gamma(n as f64 + total_alpha))
            .collect();
        for start in 0..sentences {
            counts.fill(0);
            let mut sum = 0.0;
            let mut n = 0;
            for end in start..sentences {
                for &word in &words.sentences[end] {
                    let count = &mut counts[word as usize];
                    sum += logs[*count as usize];
                    *count += 1;
                    n += 1;
                }
                scores[start * (sentences + 1) + end + 1] = sum + totals[n];
            }
        }
        Table { sentences, scores }
    }

    fn score(&self, start: usize, end: usize) -> f64 {
        self.scores[start * (self.sentences + 1) + end]
    }
}

/// Boundaries as `(first sentence of a topic, probability)`, in order.
pub(super) fn boundaries(words: &Words, options: &Options) -> Vec<(usize, f64)> {
    let n = words.sentences.len();
    if n < 2 || words.vocabulary == 0 {
        return Vec::new();
    }
    let alpha = 0.7;
    let temper = 1.0;
    let shape = 1.0;
    let table = Table::new(words, alpha);
    let weights: Vec<f64> = {
        let mut at = 0.0;
        let mut v = vec![0.0];
        for s in &words.sentences {
            at += s.len() as f64 + 1.0;
            v.push(at);
        }
        v
    };
    let total = weights[n];
    match options.topics {
        Some(topics) => {
            let topics = topics.clamp(1, n);
            let mean = total / topics as f64;
            let prior = |start: usize, end: usize| {
                let x = (weights[end] - weights[start]) / mean;
                shape * (x.ln() - x)
            };
            let mut best = vec![vec![f64::NEG_INFINITY; n + 1]; topics + 1];
            let mut from = vec![vec![0; n + 1]; topics + 1];
            best[0][0] = 0.0;
            for k in 1..=topics {
                for end in k..=n {
                    for start in k - 1..end {
                        let value = best[k - 1][start]
                            + temper * table.score(start, end)
                            + prior(start, end);
                        if value > best[k][end] {
                            best[k][end] = value;
                            from[k][end] = start;
                        }
                    }
                }
            }
            let mut found = Vec::new();
            let mut end = n;
            for k in (1..=topics).rev() {
                end = from[k][end];
                if end > 0 {
                    found.push((end, 1.0));
                }
            }
            found.reverse();
            found
        }
        None => {
            let mean = 400.0;
            let cost = 4.0;
            let prior = |start: usize, end: usize| {
                let x = (weights[end] - weights[start]) / mean;
                shape * (x.ln() - x) - cost
            };
            let mut best = vec![f64::NEG_INFINITY; n + 1];
            let mut from = vec![0; n + 1];
            best[0] = 0.0;
            for end in 1..=n {
                for start in 0..end {
                    let value = best[start] + temper * table.score(start, end) + prior(start, end);
                    if value > best[end] {
                        best[end] = value;
                        from[end] = start;
                    }
                }
            }
            let mut found = Vec::new();
            let mut end = from[n];
            while end > 0 {
                found.push((end, 1.0));
                end = from[end];
            }
            found.reverse();
            found
        }
    }
}
