package api

import "strings"

// backupProblems are parts of what BackupDrive.Error says, and what they come to. The first that fits counts.
var backupProblems = []struct{ part, kind string }{
	{"the drive is full", "full"},
	{"taken away in the middle", "taken"},
	{"does not give back what was written", "broken"},
	{"by a newer version", "newer"},
	{"other recovery words", "other"},
	{"read-only file system", "readonly"},
	{"permission denied", "denied"},
	{"input/output error", "broken"},
	{"backup: damaged", "damaged"},
}

// BackupProblem returns what the error of a drive comes to: full, taken, broken, newer, other, readonly, denied or damaged; empty if
// it is another.
func BackupProblem(text string) string {
	for _, p := range backupProblems {
		if strings.Contains(text, p.part) {
			return p.kind
		}
	}
	return ""
}
