//! What each judge must say.
