//! Disks that fail and computers that lose their power.
