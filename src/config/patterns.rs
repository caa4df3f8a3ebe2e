//! Pure: `filterPatterns`, regular expressions with commas between them.

/// Splits at commas that are not part of an expression: `a{1,3},[,;],(x,y)` are three.
/// Blanks around an expression do not belong to it, and an empty one is none.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    let mut depth = 0_usize;
    let mut in_class = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' if in_class => in_class = false,
            '[' if !in_class => in_class = true,
            '(' | '{' if !in_class => depth += 1,
            ')' | '}' if !in_class => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !in_class => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
        .into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_separate_unless_they_are_part_of_an_expression() {
        assert_eq!(
            split(r"a{1,3}, [,;] ,(x,y),b\,c"),
            [r"a{1,3}", "[,;]", "(x,y)", r"b\,c"]
        );
        assert_eq!(split("hello"), ["hello"]);
        assert!(split(" , ").is_empty());
    }
}
