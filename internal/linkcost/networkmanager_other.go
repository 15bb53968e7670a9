//go:build !linux

package linkcost

import (
	"context"
	"errors"
)

// listen has nobody to listen to here.
func listen(context.Context) (<-chan bool, func(), error) { return nil, nil, errors.ErrUnsupported }
