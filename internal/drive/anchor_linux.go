package drive

import "fmt"

// writePath leads through the open folder, whatever is mounted where it was.
func (a *Anchor) writePath() string { return fmt.Sprintf("/proc/self/fd/%d", a.file.Fd()) }
