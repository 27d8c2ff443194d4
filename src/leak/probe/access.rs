//! What a server wants before it answers: TLS or not, user and password. Apart because a password is here and
//! nowhere else, and has no form that is shown.

use std::fmt;

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    #[default]
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// What the address begins with.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port that need not be written.
    pub fn port(self) -> &'static str {
        match self {
            Scheme::Http => "80",
            Scheme::Https => "443",
        }
    }
}

/// A login as the header that is sent; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login(String);

impl Login {
    /// Takes the value of the header `Authorization`.
    pub fn new(header: String) -> Self {
        Self(header)
    }

    pub(super) fn header(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(***)")
    }
}

/// What a server wants before it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// With or without TLS.
    pub scheme: Scheme,
    /// User and password.
    pub login: Option<Login>,
}
