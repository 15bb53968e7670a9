//go:build !linux

package drive

func (a *Anchor) writePath() string { return a.path }
