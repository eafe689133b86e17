// SPDX-License-Identifier: MPL-2.0

//! Numbers of things, for messages.

/// Formats a number with its noun, in the singular for one.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let said = [0, 1, 2].map(|count| counted(count, "piece of advice", "pieces of advice"));
        assert_eq!(
            said,
            [
                "0 pieces of advice",
                "1 piece of advice",
                "2 pieces of advice"
            ]
        );
    }
}
