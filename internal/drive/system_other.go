//go:build !unix && !windows

package drive

import (
	"context"
	"errors"
)

func watch(context.Context, func()) error { return errors.ErrUnsupported }

func list() ([]Volume, error) { return nil, errors.ErrUnsupported }
