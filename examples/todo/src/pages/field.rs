//! [`Field`]: a field of a form, with its label, its hint, and what was wrong with what was entered.

use maud::{Markup, Render, html};

/// A field for one line of text.
#[derive(Default)]
pub(crate) struct Field<'f> {
    pub(crate) name: &'f str,
    pub(crate) label: &'f str,
    /// What was entered before. Passwords are never given back.
    pub(crate) value: &'f str,
    /// What stands behind the field, as part of what is entered.
    pub(crate) suffix: &'f str,
    pub(crate) hint: &'f str,
    pub(crate) autocomplete: &'f str,
    pub(crate) is_password: bool,
    /// What is wrong with what was entered.
    pub(crate) error: Option<String>,
}

impl Render for Field<'_> {
    fn render(&self) -> Markup {
        let id = format!("field-{}", self.name);
        let (hint, error) = (format!("{id}-hint"), format!("{id}-error"));
        // The message first: it is what somebody who listens wants to know.
        let about = match (&self.error, self.hint) {
            (Some(_), _) => Some(format!("{error} {hint}")),
            (None, "") => None,
            (None, _) => Some(hint.clone()),
        };
        html! {
            div.field {
                label for=(id) { (self.label) }
                div.entry {
                    input id=(id) name=(self.name)
                        type=(if self.is_password { "password" } else { "text" })
                        value=(if self.is_password { "" } else { self.value })
                        autocomplete=(if self.autocomplete.is_empty() { "off" } else { self.autocomplete })
                        autocapitalize="none" spellcheck="false" required
                        aria-describedby=[about] aria-invalid=[self.error.as_ref().map(|_| "true")];
                    @if !self.suffix.is_empty() { span.suffix { (self.suffix) } }
                }
                @if let Some(message) = &self.error {
                    p.error id=(error) { (message) }
                }
                @if !self.hint.is_empty() {
                    p.hint id=(hint) { (self.hint) }
                }
            }
        }
    }
}

/// A form that is one button: what changes something is posted, never a link.
pub(crate) fn button(action: &str, label: &str, class: &str) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            button class=(class) type="submit" { (label) }
        }
    }
}
