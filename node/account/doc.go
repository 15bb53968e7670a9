// Package account is what a backup says of the account itself, so that a device that has nothing else finds its way back: per
// organization who the person is there, where it is reached and how far its roll had come, and the roll. [BACKUP-40]
//
// It holds no secret: no key of a device, no chain, no prekey. It proves nothing either: whoever can write to the drive can
// have written it. What it names is held against the organization's id, its roll and the signatures there. It must not know
// where backups lie nor how they are encrypted. Pure. Its spec is docs/spec/14-backup.md, section Account.
package account
