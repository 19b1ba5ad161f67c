//! Anti-forgery: a form of ours is answered from the page that showed it.

use latchkey_protocol::{Params, secret::same};

use crate::state::Ui;

/// An anti-forgery token: bound to whose form it is, to the page and to what that is about.
pub fn csrf(ui: &Ui, whose: &str, page: &str, about: &[&str]) -> String {
    ui.form_pepper
        .text(&[&["csrf", whose, page], about].concat())
}

/// Whether the anti-forgery token of a form is one of these.
pub fn is_ours(form: &Params, tokens: &[Option<String>]) -> bool {
    let sent = form.optional("csrf").unwrap_or_default();
    tokens.iter().flatten().any(|token| same(sent, token))
}
