//go:build !linux

package sleep

import (
	"context"
	"errors"
)

// announcements are not had here without a window or a C library.
func announcements(context.Context) (<-chan struct{}, func(), error) {
	return nil, nil, errors.ErrUnsupported
}
