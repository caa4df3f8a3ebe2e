//! Pure: an error with all that lies below it, in one line.

use std::{error::Error, fmt};

/// Shows `error`, then its source, then the source's source, with colons between them.
///
/// Our own errors do not repeat their sources; for those of others, what has just been said is left out.
#[must_use]
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut below = self.0.source();
        while let Some(error) = below {
            let text = error.to_string();
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            below = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn every_layer_is_said_once_from_the_top_down() {
        let layers = ["cannot log in", "no answer", "error: refused", "refused"];
        let error =
            layers.iter().rev().fold(None, |source, text| Some(Box::new(Layer { text, source })));
        let shown = chain(&*error.unwrap()).to_string();
        assert_eq!(shown, "cannot log in: no answer: error: refused");
    }
}
