//! A diagnosis as people read it: errors first, one paragraph a complaint.

use super::diagnosis::{Complaint, Concerned, Diagnosis, Fixed, Treatment};
use std::fmt;
use tenant_core::Severity;

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |severity| self.complaints.iter().filter(move |c| c.severity == severity);
        match (of(Severity::Error).count(), of(Severity::Warning).count()) {
            (0, 0) => f.write_str("healthy")?,
            (0, warnings) => write!(f, "{}", Counted(warnings, "warning"))?,
            (errors, 0) => write!(f, "{}", Counted(errors, "error"))?,
            (errors, warnings) => {
                write!(
                    f,
                    "{}, {}",
                    Counted(errors, "error"),
                    Counted(warnings, "warning")
                )?;
            }
        }
        for complaint in of(Severity::Error).chain(of(Severity::Warning)) {
            write!(f, "\n{complaint}")?;
        }
        for unseen in &self.unseen {
            write!(f, "\nnot seen [{}] {}", unseen.check, unseen.reason)?;
        }
        Ok(())
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            check,
            severity,
            reason,
            advice,
            ..
        } = self;
        write!(f, "{severity} [{check}] {reason}")?;
        if self.concerned.iter().any(|concerned| concerned.detail.is_some()) {
            for concerned in &self.concerned {
                write!(f, "\n  {concerned}")?;
            }
        } else if !self.concerned.is_empty() {
            let names: Vec<&str> = self.concerned.iter().map(|c| c.object.as_str()).collect();
            write!(f, "\n  {}", names.join(", "))?;
        }
        if self.unlisted() > 0 {
            write!(f, "\n  and {} more", self.unlisted())?;
        }
        let by_fix = if self.can_be_fixed { " (`fix` does)" } else { "" };
        write!(f, "\n  do: {advice}{by_fix}")
    }
}

impl fmt::Display for Concerned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.object)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mended, left) = (self.mended.len(), self.left.len());
        write!(f, "[{}] {mended} mended, {left} left", self.check)?;
        for treatment in &self.mended {
            write!(f, "\n  {treatment}")?;
        }
        for treatment in &self.left {
            write!(f, "\n  left: {treatment}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}

/// A number and what it counts: `1 error`, `2 errors`.
struct Counted(usize, &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{s}", self.0, self.1)
    }
}
