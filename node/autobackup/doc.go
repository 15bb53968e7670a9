// Package autobackup decides when a backup begins by itself: when a marked drive appears, and while it stays.
//
// It owns which marked drives are there and where, which of them is due, the one backup that runs, what came of the last ones,
// and after how long without one the person is told. It must not know what is backed up, nor how a backup lies on a drive: a
// Work does that, and Drives says what the machine has.
//
// What it keeps of a drive is in node/store (BackupDrive). How it decides: docs/adr/0048-automatic-backup.md.
package autobackup
