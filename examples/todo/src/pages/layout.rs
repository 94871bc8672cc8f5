//! [`Page`]: what is around every page.

use maud::{DOCTYPE, Markup, Render, html};

/// A page of one of the sites.
#[derive(Default)]
pub(crate) struct Page<'p> {
    /// What the tab says.
    pub(crate) title: &'p str,
    /// Whose site it is.
    pub(crate) site: &'p str,
    /// What is beside that: links, who is logged in.
    pub(crate) nav: Option<Markup>,
    /// The page itself.
    pub(crate) main: Option<Markup>,
    /// What is said at its end.
    pub(crate) footer: Option<Markup>,
    /// Whether the browser asks again after a second, also without JavaScript.
    pub(crate) refreshes: bool,
}

impl Render for Page<'_> {
    fn render(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if self.refreshes {
                        meta http-equiv="refresh" content="1";
                    }
                    title { (self.title) " · " (self.site) }
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/style.css";
                }
                body {
                    header.top {
                        a.site href="/" { (self.site) }
                        @if let Some(nav) = &self.nav {
                            nav { (nav) }
                        }
                    }
                    main { @if let Some(main) = &self.main { (main) } }
                    @if let Some(footer) = &self.footer {
                        footer { (footer) }
                    }
                }
            }
        }
    }
}
