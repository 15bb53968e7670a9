// Package drive sees that a drive appears and goes: a flash drive, a card, another disk, whatever has a place of its own in
// the tree of folders.
//
// It owns the list of mounted volumes, how a change of it is noticed on each system, and how something that lies on a drive
// is found again wherever that is mounted next. Linux tells of changes; elsewhere the list is read every few seconds. The
// comparisons are pure (Compare, Find, Places); List and Watch ask the system.
//
// It must not know what lies on a drive, nor who looks for it: the caller says how a thing is recognized, and writes nothing
// where it was not.
package drive
