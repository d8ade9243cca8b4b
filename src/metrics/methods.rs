//! The `method` label: the HTTP methods that a store knows by name.

use http::Method;

use super::{admission::check_configured, labels::OTHER};
use crate::{
    error::{Error, Kind},
    exchange::KnownMethods,
};

/// The methods of a store. All others are [`OTHER`].
#[derive(Clone, Debug)]
pub(super) struct HttpMethods(KnownMethods);

/// A method of a store, by its number there. The last one is [`OTHER`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct HttpMethod(u8);

/// More would rather be a mistake: each is series for every route, and a number of five bits.
const MOST: usize = 31;

impl HttpMethods {
    pub(super) fn new(known: KnownMethods) -> Result<Self, Error> {
        const WHAT: &str = "HTTP method";
        if known.all().len() > MOST {
            return Err(Error::new(Kind::TooManyNames { what: WHAT, limit: MOST }));
        }
        known.all().iter().try_for_each(|method| check_configured(WHAT, method.as_str()))?;
        Ok(Self(known))
    }

    pub(super) fn of(&self, method: &Method) -> HttpMethod {
        HttpMethod::numbered(self.0.find(method).unwrap_or(self.0.all().len()))
    }

    pub(super) fn parse(&self, name: &str) -> HttpMethod {
        let found = self.0.all().iter().position(|known| known.as_str() == name);
        HttpMethod::numbered(found.unwrap_or(self.0.all().len()))
    }

    pub(super) fn knows(&self, method: HttpMethod) -> bool {
        method.index() < self.0.all().len()
    }

    pub(super) fn text(&self, method: HttpMethod) -> &str {
        self.0.all().get(method.index()).map_or(OTHER, Method::as_str)
    }

    /// How many values the label has, [`OTHER`] included.
    pub(super) fn count(&self) -> usize {
        self.0.all().len() + 1
    }

    /// How many more methods are known than by default.
    pub(super) fn beyond_default(&self) -> usize {
        self.0.all().len().saturating_sub(KnownMethods::default().all().len())
    }

    /// All of them, [`OTHER`] at the end.
    pub(super) fn all(&self) -> impl Iterator<Item = HttpMethod> + use<> {
        (0..self.count()).map(HttpMethod::numbered)
    }
}

impl HttpMethod {
    fn numbered(index: usize) -> Self {
        Self(u8::try_from(index).expect("a store knows few methods"))
    }

    pub(super) fn index(self) -> usize {
        self.0.into()
    }

    /// For a key: at most five bits.
    pub(super) fn number(self) -> u64 {
        self.0.into()
    }
}

#[cfg(test)]
impl HttpMethods {
    /// With so many methods of no meaning.
    pub(super) fn of_test(count: usize) -> Self {
        let names = (0..count).map(|number| format!("M{number}").parse().unwrap());
        Self::new(KnownMethods::new(names)).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(names: &[&str]) -> Result<HttpMethods, Error> {
        HttpMethods::new(KnownMethods::new(names.iter().map(|name| name.parse().unwrap())))
    }

    #[test]
    fn a_method_is_known_as_it_is_written() {
        let methods = methods(&["GET", "PURGE"]).unwrap();
        for (name, shown) in
            [("GET", "GET"), ("PURGE", "PURGE"), ("get", OTHER), ("POST", OTHER), (OTHER, OTHER)]
        {
            let method = methods.of(&name.parse().unwrap());
            assert_eq!(method, methods.parse(name), "{name}");
            assert_eq!(methods.text(method), shown, "{name}");
            assert_eq!(methods.knows(method), shown != OTHER, "{name}");
        }
        let all: Vec<_> = methods.all().map(|method| methods.text(method)).collect();
        assert_eq!(all, ["GET", "PURGE", OTHER]);
        assert_eq!(methods.count(), all.len());
    }

    #[test]
    fn a_list_that_is_no_label_is_refused() {
        let error = methods(&[&"M".repeat(65)]).unwrap_err();
        assert!(error.is_invalid_name(), "{error}");
        let error = methods(&["GET", OTHER]).unwrap_err();
        assert!(error.is_invalid_name(), "{error}");
        let names: Vec<_> = (0..32).map(|number| format!("M{number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        assert!(methods(&names[..31]).is_ok());
        let error = methods(&names).unwrap_err();
        assert_eq!(error.to_string(), "more than 31 HTTP methods");
        assert!(methods(&[]).is_ok(), "then all are others");
    }
}
