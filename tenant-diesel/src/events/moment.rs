//! [`Moment`]: when a handler runs.

use std::fmt;

/// When a handler runs: see [`TenancyBuilder::on`](crate::TenancyBuilder::on) and
/// [`TenancyBuilder::after_commit`](crate::TenancyBuilder::after_commit).
///
#[doc = include_str!("../docs/events.md")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Moment {
    /// A tenant's schema is about to be made.
    Creating,
    /// It was made and migrated, in the transaction that is about to be committed.
    Created,
    /// An existing schema, or tables of the shared one, are about to become a tenant's.
    Adopting,
    /// They became it, in the transaction that is about to be committed.
    Adopted,
    /// A schema that has something pending is about to be migrated.
    MigratingSchema,
    /// All that was pending in it was applied.
    MigratedSchema,
    /// One migration is about to be applied to one schema.
    ApplyingMigration,
    /// It was applied.
    AppliedMigration,
    /// A tenant is about to get another name.
    Renaming,
    /// It has it, in the transaction that is about to be committed.
    Renamed,
    /// A tenant was archived, in the transaction that is about to be committed.
    Archived,
    /// A tenant came back from the archive, in the transaction that is about to be committed.
    Restored,
    /// A tenant's schema is about to be dropped, with all data in it.
    Dropping,
    /// It was dropped, in the transaction that is about to be committed.
    Dropped,
    /// A scope of a tenant was entered.
    Activated,
}

impl Moment {
    /// Whether there is a commit to run after: see
    /// [`TenancyBuilder::after_commit`](crate::TenancyBuilder::after_commit).
    #[must_use]
    pub const fn is_committed(self) -> bool {
        matches!(
            self,
            Self::Created | Self::Adopted | Self::Renamed | Self::Archived | Self::Restored | Self::Dropped
        )
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// In the words of an error: `before a tenant is created`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "before a tenant's schema is created",
            Self::Created => "after a tenant's schema was created",
            Self::Adopting => "before a tenant is adopted",
            Self::Adopted => "after a tenant was adopted",
            Self::MigratingSchema => "before a schema is migrated",
            Self::MigratedSchema => "after a schema was migrated",
            Self::ApplyingMigration => "before a migration is applied",
            Self::AppliedMigration => "after a migration was applied",
            Self::Renaming => "before a tenant is renamed",
            Self::Renamed => "after a tenant was renamed",
            Self::Archived => "after a tenant was archived",
            Self::Restored => "after a tenant was restored",
            Self::Dropping => "before a tenant's schema is dropped",
            Self::Dropped => "after a tenant's schema was dropped",
            Self::Activated => "after a tenant's scope was entered",
        })
    }
}
