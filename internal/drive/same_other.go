//go:build !unix

package drive

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Same reports whether two folders lie on one volume, as the system tells it.
func Same(a, b string) (bool, error) {
	for _, path := range []string{a, b} {
		if _, err := os.Stat(path); err != nil {
			return false, fmt.Errorf("drive: %w", err)
		}
	}
	first, err := filepath.Abs(a)
	if err != nil {
		return false, fmt.Errorf("drive: %w", err)
	}
	second, err := filepath.Abs(b)
	return strings.EqualFold(filepath.VolumeName(first), filepath.VolumeName(second)), err
}
