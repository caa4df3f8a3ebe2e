//! Pure: "did you mean ...?"

/// The candidate that `word` most likely meant, if one is near enough.
///
/// Case and underscores count for nothing, since the two worlds of the file differ in them; else a
/// third of the word may be wrong.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = plain(word);
    candidates
        .into_iter()
        .map(|candidate| {
            let plain = plain(candidate);
            let allowed = (plain.len().max(wanted.len()) / 3).clamp(1, 4);
            (distance(&wanted, &plain), allowed, candidate)
        })
        .filter(|(distance, allowed, _)| distance <= allowed)
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, _, candidate)| candidate)
}

/// Lower case, letters and digits only; long words are cut, since no key is that long.
fn plain(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
}

/// Insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["messageDelay", "account_id", "url", "environment"];

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        assert_eq!(nearest("mesageDelay", KEYS), Some("messageDelay"));
        assert_eq!(nearest("message_delay", KEYS), Some("messageDelay"));
        assert_eq!(nearest("accountId", KEYS), Some("account_id"));
        assert_eq!(nearest("ulr", KEYS), Some("url"));
    }

    #[test]
    fn what_is_far_from_everything_gets_no_suggestion() {
        assert_eq!(nearest("banana", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
    }
}
