// Package backuptest has a drive for tests of backups: a Folder in memory that holds its users to the rules of FAT, forgets or spoils
// what was not synced when it is torn away, fails at any operation that a test names, and fills up.
//
// It is for tests alone. It must not know what files hold.
package backuptest
