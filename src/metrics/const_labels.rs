//! Labels that every series has, set up once.

use super::{
    labels::{check_value, is_identifier},
    names,
};
use crate::error::{Error, Kind};

/// More of them make every line of a page longer than what it says.
const MOST: usize = 16;

/// Names and values, checked.
#[derive(Clone, Debug, Default)]
pub(super) struct ConstLabels(Vec<(String, String)>);

impl ConstLabels {
    /// # Errors
    ///
    /// If a label cannot be shown, occurs twice or is one of a family, or if there are too many.
    pub(super) fn new(labels: Vec<(String, String)>) -> Result<Self, Error> {
        if let Some((name, _)) = labels.get(MOST) {
            return Err(invalid(name, "there are more than 16"));
        }
        for (index, (name, value)) in labels.iter().enumerate() {
            check_label(name)?;
            if labels[..index].iter().any(|(other, _)| other == name) {
                return Err(invalid(name, "it occurs twice"));
            }
            if names::ALL.iter().any(|family| family.labels.contains(&&**name)) {
                return Err(invalid(name, "a family has it already"));
            }
            if check_value(value).is_err() {
                return Err(invalid(
                    name,
                    "its value is empty, too long or has a control character",
                ));
            }
        }
        Ok(Self(labels))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.pairs().any(|(other, _)| other == name)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// Whether Prometheus takes this as the name of a label, and does not use it itself.
pub(super) fn check_label(name: &str) -> Result<(), Error> {
    if !is_identifier(name) || name.starts_with("__") || name == "le" {
        return Err(invalid(name, "it is no name for a label"));
    }
    Ok(())
}

pub(super) fn invalid(name: &str, why: &'static str) -> Error {
    Error::new(Kind::Label { name: name.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Result<ConstLabels, Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ConstLabels::new(pairs.iter().map(owned).collect())
    }

    #[test]
    fn what_no_series_can_have_is_refused() {
        assert!(labels(&[("env", "prod"), ("zone", "天")]).unwrap().has("zone"));
        for pairs in [
            &[("le", "1")][..],
            &[("__x", "1")],
            &[("a-b", "1")],
            &[("a", "1"), ("a", "2")],
            &[("tool_name", "1")],
            &[("mcp_method_name", "1")],
            &[("a", "")],
            &[("a", "b\nc")],
        ] {
            assert!(labels(pairs).unwrap_err().is_invalid_label(), "{pairs:?}");
        }
        let names: Vec<_> = (0..17).map(|number| format!("l{number}")).collect();
        let many: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
        assert!(labels(&many[..16]).is_ok());
        assert!(labels(&many).is_err());
    }
}
